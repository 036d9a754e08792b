"""C-GET and C-MOVE as a user (SCU; PS3.4 annex C), on the level of studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydicom import Dataset
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
from pynetdicom.presentation import PresentationContext, build_context

from orthanc.dimse.answers import SUCCESS, failure, number_of
from orthanc.dimse.association import MAX_CONTEXTS, Peer, associate
from orthanc.errors import PeerRefused
from orthanc.query import FoundStudy
from orthanc.retrieved import Retrieved, RetrievedObject

__all__ = ["get_study", "move_study"]

MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (2, 3))  # Study Root (PS3.4 C.6.2)
SOME_FAILED, OUT_OF_RESOURCES = 0xB000, 0xA700
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
        As in `orthanc.find_studies`; what was taken before was taken.
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
        As in `orthanc.find_studies`; also where the peer does not know the destination.
    """
    with associate(peer, [build_context(MOVE)], timeout_seconds, service="C-MOVE") as association:
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


def _ended(
    peer: Peer, answers: Iterator[tuple[Dataset, Dataset | None]], stopped: Sequence[Exception] = ()
) -> Retrieved:
    last = Dataset()
    for status, _identifier in answers:
        if stopped:
            raise stopped[0]
        last = status
    number = number_of(peer, last)
    if number not in (SUCCESS, SOME_FAILED) and not last.get("NumberOfCompletedSuboperations"):
        raise failure(peer, "retrieval", number)
    completed, failed, warned = (
        int(last.get(f"NumberOf{kind}Suboperations") or 0) for kind in ("Completed", "Failed", "Warning")
    )
    return Retrieved(completed + warned, failed)
