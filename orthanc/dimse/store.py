"""C-ECHO and C-STORE as a user (SCU; PS3.4 annexes A and B)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from orthanc.dimse.association import MAX_CONTEXTS, NoContextAccepted, Peer, associate
from orthanc.errors import FileReport, NotSendable, PeerError, PeerRefused, PeerUnavailable, SendReport
from orthanc.part10 import Part10File
from orthanc.statuses import is_later, refusal, report_of

__all__ = ["echo", "send"]

# Files are sent as they lie on disk, a PDU at a time: not decoded, not re-encoded, not held in memory.
_config.STORE_SEND_CHUNKED_DATASET = True

VERIFICATION = UID("1.2.840.10008.1.1")


def echo(peer: Peer, timeout_seconds: float = 10.0) -> None:
    """Verify that the peer answers (C-ECHO).

    Raises
    ------
    PeerUnavailable
        Not reachable, or no answer in time.
    PeerRefused
        It answers, but not to us: wrong AE titles, or no verification service.
    """
    with associate(peer, [build_context(VERIFICATION)], timeout_seconds, service="C-ECHO") as association:
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
    *,
    all_or_none: bool = False,
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
    all_or_none
        Send nothing to a peer that accepts no presentation context for one of the files (of 128 pairs at a time).

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
    for batch in _batches([Part10File.read(Path(file)) for file in files]):
        try:
            done += _send_batch(peer, batch, on_sent, timeout_seconds, all_or_none)
        except PeerError as error:
            error.report = SendReport((*done, *error.report.files))
            raise
    report = SendReport(tuple(done))
    if report.refused:
        raise PeerRefused(refusal(peer, report), report)
    return report


def _batches(files: list[Part10File]) -> Iterator[list[Part10File]]:
    """Files in groups that need no more presentation contexts than one association can carry."""
    by_pair: dict[tuple[str, str], list[Part10File]] = {}
    for file in files:
        by_pair.setdefault(_pair(file), []).append(file)
    groups = iter(by_pair.values())
    while batch := list(islice(groups, MAX_CONTEXTS)):
        yield [file for group in batch for file in group]


def _send_batch(
    peer: Peer,
    batch: list[Part10File],
    on_sent: Callable[[FileReport], object] | None,
    timeout_seconds: float,
    all_or_none: bool,
) -> list[FileReport]:
    pairs = dict.fromkeys(map(_pair, batch))
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
    done: list[FileReport] = []
    try:
        with associate(peer, contexts, timeout_seconds) as association:
            accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
            refused = [file for file in batch if _pair(file) not in accepted]
            to_send = [] if refused and all_or_none else batch
            for number, file in enumerate(to_send, start=1):
                status = None if file in refused else _store(peer, association, file, number)
                done.append(report_of(file, status))
                if on_sent is not None:
                    on_sent(done[-1])
    except NoContextAccepted:
        refused_all = [report_of(file, None) for file in batch]
        for one in refused_all if on_sent is not None else ():
            on_sent(one)  # type: ignore[misc]
        return refused_all
    except PeerUnavailable as error:
        error.report = SendReport(tuple(done))
        raise
    if refused and all_or_none:
        report = SendReport(tuple(report_of(file, None) for file in refused))
        told = refusal(peer, report, of=len(batch))
        raise PeerRefused(f"{told}; so none was sent", report)
    return done


def _pair(file: Part10File) -> tuple[str, str]:
    return file.sop_class_uid, file.transfer_syntax_uid


def _store(peer: Peer, association: Association, file: Part10File, number: int) -> int:
    try:
        answer = association.send_c_store(file.path, msg_id=number % 65536)
    except RuntimeError as error:
        raise PeerUnavailable(f"{peer} ended the association") from error
    except OSError as error:
        raise NotSendable(file.path, str(error)) from error
    if "Status" not in answer:
        raise PeerUnavailable(f"{peer} ended the association, or did not answer in time")
    status = int(answer.Status)
    if is_later(status):
        raise PeerUnavailable(f"{peer} cannot store now (status 0x{status:04X})")
    return status
