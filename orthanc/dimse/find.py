"""C-FIND as a user (SCU; PS3.4 annex C), Study Root: which studies a peer has, and which objects of a series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydicom import Dataset
from pydicom.multival import MultiValue
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from orthanc.dimse.answers import SUCCESS, failure, number_of
from orthanc.dimse.association import Peer, associate
from orthanc.errors import PeerRefused
from orthanc.query import FoundStudy, Query

__all__ = ["find_instances", "find_studies"]

FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root (PS3.4 C.6.2)
PENDING = (0xFF00, 0xFF01)
ASKED_BESIDES = (
    "StudyInstanceUID",
    "NumberOfStudyRelatedInstances",
    "ModalitiesInStudy",
    "SOPClassesInStudy",
)


def find_studies(peer: Peer, query: Query, timeout_seconds: float = 60.0) -> tuple[FoundStudy, ...]:
    """The studies that match (C-FIND, Study Root), each once, in the order of their UIDs.

    Raises
    ------
    PeerUnavailable
        Not reachable, gone meanwhile, or not able to answer now.
    PeerRefused
        It offers no C-FIND, refuses the query, or ignores one of its keys.
    """
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in ASKED_BESIDES:
        setattr(identifier, keyword, None)
    for keyword, value in query.keys.items():
        setattr(identifier, keyword, value)
    if not all(value.isascii() for value in query.keys.values()):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    found: dict[str, FoundStudy] = {}
    with associate(peer, [build_context(FIND)], timeout_seconds, service="C-FIND") as association:
        for answer in _answers(peer, association, identifier):
            said = _said(answer, (*query.keys, *ASKED_BESIDES))
            ignored = sorted(query.unanswered(said))
            if ignored:
                raise PeerRefused(
                    f"{peer} does not answer for {', '.join(ignored)}: leave it out of the query"
                )
            uid = "".join(said.get("StudyInstanceUID", ()))
            if uid and query.fits(said):
                found[uid] = _study(uid, said)
    return tuple(found[uid] for uid in sorted(found))


def find_instances(
    peer: Peer, series: Iterable[tuple[str, str]], timeout_seconds: float = 60.0
) -> frozenset[str]:
    """The SOPInstanceUIDs that a peer has of some series, each named with its study: one query for each.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As in `find_studies`.
    """
    found: set[str] = set()
    with associate(peer, [build_context(FIND)], timeout_seconds, service="C-FIND") as association:
        for study_uid, series_uid in series:
            identifier = Dataset()
            identifier.QueryRetrieveLevel = "IMAGE"
            identifier.StudyInstanceUID, identifier.SeriesInstanceUID = study_uid, series_uid
            identifier.SOPInstanceUID = None
            for answer in _answers(peer, association, identifier):
                found.update(_said(answer, ["SOPInstanceUID"]).get("SOPInstanceUID", ()))
    return frozenset(found)


def _answers(peer: Peer, association: Association, identifier: Dataset) -> Iterator[Dataset]:
    for status, answer in association.send_c_find(identifier, FIND):
        number = number_of(peer, status)
        if number in PENDING:
            if answer is not None:
                yield answer
        elif number != SUCCESS:
            raise failure(peer, "C-FIND", number)


def _study(uid: str, said: dict[str, tuple[str, ...]]) -> FoundStudy:
    number = "".join(said.get("NumberOfStudyRelatedInstances", ()))
    return FoundStudy(
        uid,
        int(number) if number.isdecimal() else None,
        tuple(filter(None, said.get("ModalitiesInStudy", ()))),
        tuple(filter(None, said.get("SOPClassesInStudy", ()))),
    )


def _said(answer: Dataset, keywords: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values of an answer by keyword, of those attributes that are in it, be they empty."""
    said = {}
    for keyword in keywords:
        if keyword in answer:
            value = answer[keyword].value
            values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
            said[keyword] = tuple("" if one is None else str(one) for one in values)
    return said
