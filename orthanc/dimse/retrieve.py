"""C-FIND, C-GET and C-MOVE as a user (SCU; PS3.4 annex C), on the level of studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import StoragePresentationContexts, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from orthanc.dimse.association import MAX_CONTEXTS, Peer, associate
from orthanc.errors import PeerRefused, PeerUnavailable
from orthanc.query import FoundStudy, Query
from orthanc.retrieved import Retrieved, RetrievedObject

__all__ = ["find_studies", "get_study", "move_study"]

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))  # Study Root (PS3.4 C.6.2)
PENDING = (0xFF00, 0xFF01)
SUCCESS, SOME_FAILED, OUT_OF_RESOURCES = 0x0000, 0xB000, 0xA700
LATER = (*range(0xA700, 0xA800), 0x0110, 0xFE00)
ASKED_BESIDES = (
    "StudyInstanceUID",
    "NumberOfStudyRelatedInstances",
    "ModalitiesInStudy",
    "SOPClassesInStudy",
)
# As it is stored first; a peer that cannot send it so decodes it.
UNCOMPRESSED: tuple[str, ...] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
COMPRESSED: tuple[str, ...] = (
    JPEGLosslessSV1,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEG2000,
    JPEGLSNearLossless,
    DeflatedExplicitVRLittleEndian,
)
# What is most often in a study comes first, where not all classes have room.
COMMON = tuple(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ("2", "4", "2.1", "4.1", "1", "1.1", "1.2", "7", "20", "128", "6.1", "3.1", "130", "88.22", "88.33",
                "66.4", "481.1", "481.2", "481.3", "481.5", "11.1", "88.59", "12.1", "12.2", "7.4", "30", "104.1")
)  # fmt: skip

Take = Callable[[RetrievedObject], int]


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
    with associate(peer, [build_context(FIND)], timeout_seconds) as association:
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


def get_study(peer: Peer, study: FoundStudy, take: Take, timeout_seconds: float = 60.0) -> Retrieved:
    """Fetch all objects of a study on the same association (C-GET); no listener is needed.

    Parameters
    ----------
    take
        Called with each object; gives the status that the peer is told (PS3.4 B.2.3). What it raises ends the
        association, and is raised here.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As in `find_studies`; what was taken before was taken.
    """
    contexts = [build_context(GET), *_storage_contexts(study.sop_classes)]
    roles = [
        build_role(uid, scp_role=True)
        for uid in dict.fromkeys(str(one.abstract_syntax) for one in contexts[1:])
    ]

    stopped: list[Exception] = []

    def store(event: Any) -> int:
        request = event.request
        one = RetrievedObject(
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            str(event.context.transfer_syntax),
            request.DataSet.getvalue(),
        )
        try:
            return take(one)
        except Exception as error:  # noqa: BLE001  pynetdicom would swallow it: it is raised where its answers come
            stopped.append(error)
            return OUT_OF_RESOURCES

    handlers = [(evt.EVT_C_STORE, store)]
    with associate(peer, contexts, timeout_seconds, roles=roles, handlers=handlers) as association:
        if not any(context.abstract_syntax == GET for context in association.accepted_contexts):
            raise PeerRefused(f"{peer} offers no C-GET; use C-MOVE or DICOMweb")
        return _ended(peer, association.send_c_get(_study_identifier(study), GET), stopped)


def move_study(peer: Peer, study: FoundStudy, destination: str, timeout_seconds: float = 600.0) -> Retrieved:
    """Let a peer send all objects of a study to the AE `destination`, which it has to know (C-MOVE).

    `timeout_seconds` is for each answer; some peers give none before the last object is sent.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As in `find_studies`; also where the peer does not know the destination.
    """
    with associate(peer, [build_context(MOVE)], timeout_seconds) as association:
        return _ended(peer, association.send_c_move(_study_identifier(study), destination, MOVE))


def _storage_contexts(sop_classes: Sequence[str]) -> Iterator[PresentationContext]:
    """Contexts for each class: as many single transfer syntaxes as there is room for, so that nothing is transcoded."""
    room = MAX_CONTEXTS - 1
    offers: list[list[str | UID]]
    known = tuple(dict.fromkeys(sop_classes))[:room]
    if known:
        each = max(1, room // len(known))
        singles: list[list[str | UID]] = [[syntax] for syntax in (*UNCOMPRESSED, *COMPRESSED)]
        offers = singles if each >= len(singles) else [[*UNCOMPRESSED], [*COMPRESSED]][: max(1, min(each, 2))]
    else:
        others = (str(context.abstract_syntax) for context in StoragePresentationContexts)
        offers = [[*UNCOMPRESSED], [*COMPRESSED]]
        known = tuple(dict.fromkeys((*COMMON, *others)))[: room // len(offers)]
    return (build_context(uid, offer) for uid in known for offer in offers)


def _study_identifier(study: FoundStudy) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study.study_instance_uid
    return identifier


def _answers(peer: Peer, association: Association, identifier: Dataset) -> Iterator[Dataset]:
    for status, answer in association.send_c_find(identifier, FIND):
        number = _number(peer, status)
        if number in PENDING:
            if answer is not None:
                yield answer
        elif number != SUCCESS:
            raise _failure(peer, "C-FIND", number)


def _ended(
    peer: Peer, answers: Iterator[tuple[Dataset, Dataset | None]], stopped: Sequence[Exception] = ()
) -> Retrieved:
    last = Dataset()
    for status, _identifier in answers:
        if stopped:
            raise stopped[0]
        last = status
    number = _number(peer, last)
    if number not in (SUCCESS, SOME_FAILED) and not last.get("NumberOfCompletedSuboperations"):
        raise _failure(peer, "retrieval", number)
    completed, failed, warned = (
        int(last.get(f"NumberOf{kind}Suboperations") or 0) for kind in ("Completed", "Failed", "Warning")
    )
    return Retrieved(completed + warned, failed)


def _number(peer: Peer, status: Dataset) -> int:
    if "Status" not in status:
        raise PeerUnavailable(f"{peer} ended the association, or did not answer in time")
    return int(status.Status)


def _failure(peer: Peer, what: str, status: int) -> PeerUnavailable | PeerRefused:
    if status == 0xA801:
        return PeerRefused(
            f"{peer} does not know the AE title that it should send to: let it be set up there"
        )
    told = f"{peer} answers the {what} with status 0x{status:04X}"
    return PeerUnavailable(told) if status in LATER else PeerRefused(told)


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
