"""Results of storage commitment on associations of our own, again and again until the peer takes them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orthanc import OrthancError, Peer, report_event
from ror.config import PacsSettings
from ror.errors import RorError
from ror.gateway.services.judging import Judge, report_of
from ror.gateway.services.pending import PendingCommitments, Waiting
from ror.gateway.services.statuses import Refused, ServiceStatus, is_taken
from ror.pacs import peer_of
from ror.registry import Sender

__all__ = ["GIVEN_UP_SECONDS", "Reporter", "peer_for"]

_log = logging.getLogger(__name__)
GIVEN_UP_SECONDS: Final = 7 * 86400.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 600.0
_TIMEOUT_SECONDS: Final = 15.0
_LATER: Final = (ServiceStatus.PROCESSING_FAILURE, ServiceStatus.RESOURCE_LIMITATION)


def peer_for(sender: Sender, known: Mapping[str, PacsSettings]) -> PacsSettings | None:
    """Which ``[pacs.NAME]`` a sender is: of its AE title, and of its address where several have that."""
    of_title = [one for one in known.values() if one.host and one.ae_title.strip() == sender.calling_ae]
    at_address = [one for one in of_title if one.host == sender.address]
    return next(iter(at_address or of_title), None)


class _AnsweredLater(Exception):
    """The peer is there, and cannot take this one report now; the text says what it answered."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """A sender is left alone, or one report is, until then (s since the epoch), which is so long."""

    until: float
    seconds: float


_NONE: Final = _Pause(0.0, 0.0)


class Reporter:
    """One thread. A peer that is away is left alone for ever longer, up to ten minutes; others do not wait for it.

    A request that could not be answered for a week is given up.
    """

    def __init__(
        self,
        pending: PendingCommitments,
        judge: Judge,
        read_pacs: Callable[[], Mapping[str, PacsSettings]],
        our_ae_title: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pending = pending
        self._judge = judge
        self._read_pacs = read_pacs
        self._our_ae_title = our_ae_title
        self._clock = clock
        # Of senders who cannot be reached, and of reports, by name, that one who can does not take now.
        self._pauses: dict[Sender | str, _Pause] = {}
        self._changed = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="commitments", daemon=True)

    def start(self) -> None:
        """Report from now on, also what was asked before the last end of the service."""
        self._pending.discard_unfinished()
        self._thread.start()

    def stop(self) -> None:
        """Stop reporting; what is not taken is reported after the next start."""
        self._stopping = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self, sender: Sender | None = None) -> None:
        """There is something new to report, to a sender who was there just now."""
        if sender is not None:
            self._pauses.pop(sender, None)
        self._changed.set()

    def look(self, now: float) -> float | None:
        """Report what is due; in how many seconds something will be, None if nothing waits."""
        for one in self._pending.waiting():
            if self._stopping:
                return None
            if all(self._pauses.get(key, _NONE).until <= now for key in (one.sender, one.name)):
                self._try(one, now)
        waiting = {key for one in self._pending.waiting() for key in (one.sender, one.name)}
        for key in self._pauses.keys() - waiting:
            self._pauses.pop(key, None)
        until = min((pause.until for pause in tuple(self._pauses.values())), default=None)
        return None if until is None else max(until - self._clock(), 0.0)

    def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            seconds = self.look(self._clock())
            self._changed.wait(seconds)

    def _try(self, one: Waiting, now: float) -> None:
        held_up: Sender | str = one.sender
        try:
            try:
                reason = self._reported(one.name)
            except _AnsweredLater as answer:
                reason, held_up = str(answer), one.name
                self._pauses.pop(one.sender, None)
            if reason and now - one.asked_at > GIVEN_UP_SECONDS:
                _log.error("storage commitment for %s is given up: %s", one.sender.calling_ae, reason)
                reason = ""
            if not reason:
                self._pending.forget(one.name)
                for key in (one.sender, one.name):
                    self._pauses.pop(key, None)
        except OSError as error:  # of the file of the request, or of those of TLS
            reason = type(error).__name__
        if reason:
            self._put_off(held_up, one.sender, reason)

    def _reported(self, name: str) -> str:
        """Report it; why it has to be reported again, or ""."""
        commitment = self._pending.load(name)
        if commitment is None:
            return ""
        try:
            peer = self._peer(commitment.sender)
            if peer is None:
                return "ror.toml has no [pacs.NAME] with this AE title, host and port"
            report = report_of(commitment, self._judge.judge(commitment))
            status = report_event(
                peer,
                report.sop_class_uid,
                report.sop_instance_uid,
                report.event_type,
                report.data_set,
                _TIMEOUT_SECONDS,
            )
        except (RorError, OrthancError, Refused) as error:
            return str(error)
        if status in _LATER:
            raise _AnsweredLater(f"it answers with status 0x{status:04X}")
        if not is_taken(status):  # it has been told, and will not say otherwise the next time
            _log.warning("%s refuses its storage commitment with status 0x%04X", peer, status)
        return ""

    def _peer(self, sender: Sender) -> Peer | None:
        settings = peer_for(sender, self._read_pacs())
        if settings is None:
            return None
        try:
            return peer_of(settings, sender.called_ae or "")  # the title by which it knows us
        except ValueError:
            return peer_of(settings, self._our_ae_title)

    def _put_off(self, held_up: Sender | str, sender: Sender, reason: str) -> None:
        last = self._pauses.get(held_up)
        if last is None:
            _log.warning("storage commitment for %s waits: %s", sender.calling_ae, reason)
        seconds = _FIRST_PAUSE_SECONDS if last is None else min(2 * last.seconds, _LONGEST_PAUSE_SECONDS)
        self._pauses[held_up] = _Pause(self._clock() + seconds, seconds)
