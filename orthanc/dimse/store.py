"""C-ECHO and C-STORE as a user (SCU; PS3.4 annexes A and B)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread
from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from orthanc.dimse.association import MAX_CONTEXTS, NoContextAccepted, Peer, associate
from orthanc.errors import FileReport, NotSendable, PeerError, PeerRefused, PeerUnavailable, SendReport

__all__ = ["echo", "send"]

# Files are sent as they lie on disk, a PDU at a time: not decoded, not re-encoded, not held in memory.
_config.STORE_SEND_CHUNKED_DATASET = True

VERIFICATION = UID("1.2.840.10008.1.1")

# Only these come later to another answer; everything else that is not stored is refused for good.
OUT_OF_RESOURCES = range(0xA700, 0xA800)
PROCESSING_FAILURE = 0x0110
# The peer has the object already (PS3.7 C.5.8). Whoever sends again under a stable UID has what it wants.
DUPLICATE_SOP_INSTANCE = 0x0111
WARNINGS = frozenset({0x0107, 0x0116, 0xB000, 0xB006, 0xB007})

MEANINGS = MappingProxyType(
    {
        None: "it accepts no presentation context for this SOP class and transfer syntax",
        0x0117: "invalid SOP instance",
        0x0122: "SOP class not supported",
        0x0124: "not authorised",
        0x0210: "duplicate invocation",
        0x0211: "unrecognised operation",
        0x0212: "mistyped argument",
    }
)


@dataclass(frozen=True, slots=True)
class _Part10:
    """What a presentation context needs to know of a file."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


def echo(peer: Peer, timeout_seconds: float = 10.0) -> None:
    """Verify that the peer answers (C-ECHO).

    Raises
    ------
    PeerUnavailable
        Not reachable, or no answer in time.
    PeerRefused
        It answers, but not to us: wrong AE titles, or no verification service.
    """
    with associate(peer, [build_context(VERIFICATION)], timeout_seconds) as association:
        status = association.send_c_echo()
    if "Status" not in status:
        raise PeerUnavailable(f"{peer} did not answer the C-ECHO")
    if status.Status != 0x0000:
        raise PeerRefused(f"{peer} answered the C-ECHO with status 0x{status.Status:04X}")


def send(
    peer: Peer,
    files: Iterable[Path],
    on_sent: Callable[[FileReport], object] | None = None,
    timeout_seconds: float = 60.0,
) -> SendReport:
    """Store DICOM files at the peer (C-STORE), byte for byte as they lie on disk.

    Proposes exactly the pairs of SOP class and transfer syntax that the files have, in one association; in
    several when there are more than 128 pairs. Every file is tried, even after a refusal.

    Parameters
    ----------
    files
        DICOM Part 10 files.
    on_sent
        Called after each answer of the peer.
    timeout_seconds
        For the connection, for the association and for each answer.

    Returns
    -------
    SendReport
        All files were stored.

    Raises
    ------
    NotSendable
        A file is no DICOM Part 10 file; nothing was sent.
    PeerUnavailable
        Not reachable, busy, out of resources, or gone meanwhile; its `report` has what was stored before.
    PeerRefused
        Some files, or the association, were refused for good; its `report` has the status of each file.
    """
    done: list[FileReport] = []
    for batch in _batches([_read_meta(Path(file)) for file in files]):
        try:
            done += _send_batch(peer, batch, on_sent, timeout_seconds)
        except PeerError as error:
            error.report = SendReport((*done, *error.report.files))
            raise
    report = SendReport(tuple(done))
    if report.refused:
        raise PeerRefused(_refusal(peer, report), report)
    return report


def _read_meta(path: Path) -> _Part10:
    try:
        meta = dcmread(path, stop_before_pixels=True, specific_tags=[]).file_meta
        return _Part10(
            path, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID
        )
    except (OSError, InvalidDicomError) as error:
        raise NotSendable(path, str(error)) from error
    except AttributeError as error:
        raise NotSendable(path, f"its file meta information is incomplete ({error})") from error


def _batches(files: list[_Part10]) -> Iterator[list[_Part10]]:
    """Files in groups that need no more presentation contexts than one association can carry."""
    by_pair: dict[tuple[str, str], list[_Part10]] = {}
    for file in files:
        by_pair.setdefault((file.sop_class_uid, file.transfer_syntax_uid), []).append(file)
    groups = iter(by_pair.values())
    while batch := list(islice(groups, MAX_CONTEXTS)):
        yield [file for group in batch for file in group]


def _send_batch(
    peer: Peer, batch: list[_Part10], on_sent: Callable[[FileReport], object] | None, timeout_seconds: float
) -> list[FileReport]:
    pairs = dict.fromkeys((file.sop_class_uid, file.transfer_syntax_uid) for file in batch)
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
    done: list[FileReport] = []
    try:
        with associate(peer, contexts, timeout_seconds) as association:
            accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
            for number, file in enumerate(batch, start=1):
                taken = (file.sop_class_uid, file.transfer_syntax_uid) in accepted
                status = _store(peer, association, file, number) if taken else None
                done.append(_file_report(file, status))
                if on_sent is not None:
                    on_sent(done[-1])
    except NoContextAccepted:
        refusals = [_file_report(file, None) for file in batch]
        for refusal in refusals if on_sent is not None else ():
            on_sent(refusal)  # type: ignore[misc]
        return refusals
    except PeerUnavailable as error:
        error.report = SendReport(tuple(done))
        raise
    return done


def _store(peer: Peer, association: Association, file: _Part10, number: int) -> int:
    try:
        answer = association.send_c_store(file.path, msg_id=number % 65536)
    except RuntimeError as error:
        raise PeerUnavailable(f"{peer} ended the association") from error
    except OSError as error:
        raise NotSendable(file.path, str(error)) from error
    if "Status" not in answer:
        raise PeerUnavailable(f"{peer} ended the association, or did not answer in time")
    status = int(answer.Status)
    if status in OUT_OF_RESOURCES or status == PROCESSING_FAILURE:
        raise PeerUnavailable(f"{peer} cannot store now (status 0x{status:04X})")
    return status


def _file_report(file: _Part10, status: int | None) -> FileReport:
    stored = status in WARNINGS or status in (0x0000, DUPLICATE_SOP_INSTANCE)
    return FileReport(file.path, file.sop_instance_uid, file.sop_class_uid, status, stored)


def _refusal(peer: Peer, report: SendReport) -> str:
    reasons = sorted({_meaning(file) for file in report.refused})
    return f"{peer} refused {len(report.refused)} of {len(report.files)} files: " + "; ".join(reasons)


def _meaning(file: FileReport) -> str:
    name = UID(file.sop_class_uid).name
    if file.status is None or file.status in MEANINGS:
        return f"{name}: {MEANINGS[file.status]}"
    if 0xA900 <= file.status < 0xAA00:
        return f"{name}: data set does not match SOP class (status 0x{file.status:04X})"
    return f"{name}: status 0x{file.status:04X}"
