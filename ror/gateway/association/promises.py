"""N-EVENT-REPORT to the peer that has asked for it, while it keeps its association open (PS3.4 J.3.3)."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from pynetdicom.dsutils import encode

from ror.gateway.association.command import Command, event_report
from ror.gateway.association.errors import PeerViolation
from ror.gateway.association.negotiation import Context
from ror.gateway.association.services import Promise
from ror.gateway.association.wire import Wire, p_data

__all__ = ["Promises"]

_log = logging.getLogger(__name__)
_IMPLICIT: Final = "1.2.840.10008.1.2"
# Who wants its report on another association releases this one at once, and must not get it across its release.
_KEPT_OPEN_SECONDS: Final = 0.5
# Smaller PDUs would make thousands of a long report.
_SMALLEST_PDU_BYTES: Final = 1024


class Promises:
    """What one association still owes its peer; one report at a time."""

    def __init__(self, wire: Wire, max_pdu_bytes: int, idle_seconds: float) -> None:
        self._wire = wire
        self._max_pdu_bytes = max_pdu_bytes
        self._seconds = idle_seconds
        self._waiting: deque[tuple[int, Context, Promise]] = deque()
        self._asked: Promise | None = None
        self._message_id = 0

    def add(self, context_id: int, context: Context, promise: Promise) -> None:
        """Take one, to be kept or given back."""
        if 0 < self._max_pdu_bytes < _SMALLEST_PDU_BYTES:
            promise.untold()
        else:
            self._waiting.append((context_id, context, promise))

    def keep(self) -> None:
        """Send the next report, if the peer waits for it: it keeps the association open and says nothing."""
        if self._asked is not None or not self._waiting:
            return
        if self._wire.says_something(_KEPT_OPEN_SECONDS):
            return
        context_id, context, promise = self._waiting[0]
        report = promise.report()
        if report is None:
            self._waiting.popleft()
            promise.untold()
            return
        self._message_id = self._message_id % 0xFFFF + 1
        asked = event_report(
            self._message_id, report.sop_class_uid, report.sop_instance_uid, report.event_type
        )
        data = encode(report.data_set, context.transfer_syntax_uid == _IMPLICIT, True)
        assert data is not None
        if self._wire.says_something(0):  # it took its time
            return
        self._waiting.popleft()
        self._asked = promise
        self._wire.send(p_data(context_id, asked, self._max_pdu_bytes), self._seconds)
        self._wire.send(p_data(context_id, data, self._max_pdu_bytes, is_command=False), self._seconds)

    def answered(self, command: Command) -> None:
        """The peer has answered the report.

        Raises
        ------
        PeerViolation
            None was sent.
        """
        if self._asked is None or command.message_id != self._message_id:
            raise PeerViolation("a response to nothing that was asked")
        promise, self._asked = self._asked, None
        promise.told(command.status)

    def close(self) -> None:
        """The association is over: whatever is not kept is given back."""
        if self._asked is not None:
            self._asked.untold()
            self._asked = None
        while self._waiting:
            self._waiting.popleft()[2].untold()
