"""Storage Commitment Push Model (PS3.4 annex J): what a sender may delete, and what a PACS has said to us."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from ror.errors import RorError
from ror.gateway.association import CommandField, Report, ServiceAnswer, ServiceRequest
from ror.gateway.services.attributes import counted, missing, read, required_uid
from ror.gateway.services.judging import Judge, report_of
from ror.gateway.services.pending import Commitment, PendingCommitments
from ror.gateway.services.senders import Senders
from ror.gateway.services.statuses import Refused, ServiceStatus, is_taken
from ror.registry import Sender

__all__ = ["STORAGE_COMMITMENT", "StorageCommitment"]

_log = logging.getLogger(__name__)
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
_WELL_KNOWN: Final = "1.2.840.10008.1.20.1.1"
_REQUEST: Final = 1  # action type ID


class StorageCommitment:
    """Takes requests, durably, and answers each on its own association while that is kept open.

    What is not answered there is left to `pending`; `wake` is called then. Results of requests that we have made are
    `told`, with the transaction and the instances that are kept; it says whether anybody has asked.
    """

    def __init__(
        self,
        senders: Senders,
        judge: Judge,
        pending: PendingCommitments,
        wake: Callable[[Sender], None],
        told: Callable[[str, Sequence[str]], bool],
    ) -> None:
        self._senders = senders
        self._judge = judge
        self._pending = pending
        self._wake = wake
        self._told = told

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """N-ACTION, of which the result follows as an N-EVENT-REPORT; or the N-EVENT-REPORT that we wait for."""
        if request.operation == CommandField.N_EVENT_REPORT:
            return self._take(request)
        if request.operation != CommandField.N_ACTION:
            raise Refused(ServiceStatus.UNRECOGNIZED_OPERATION, "storage commitment knows N-ACTION")
        if request.sop_instance_uid != _WELL_KNOWN:
            raise Refused(ServiceStatus.NO_SUCH_SOP_INSTANCE, "not the well-known SOP instance")
        if request.action_type != _REQUEST:
            raise Refused(ServiceStatus.NO_SUCH_ACTION, "the action type is not 1")
        self._senders.projects_of(request.sender)
        commitment = _read(request)
        self._pending.keep(commitment)
        promise = _Promised(self._judge, self._pending, commitment, self._wake)
        return ServiceAnswer(ServiceStatus.SUCCESS, promise=promise)

    def _take(self, request: ServiceRequest) -> ServiceAnswer:
        said = read(request)
        kept = [
            required_uid(one, "ReferencedSOPInstanceUID")
            for one in counted(said.items("ReferencedSOPSequence"))
        ]
        if not self._told(required_uid(said, "TransactionUID"), kept):
            raise Refused(ServiceStatus.INVALID_ARGUMENT_VALUE, "nobody here has asked in that transaction")
        _log.info("%s keeps %d instances that we asked it for", request.sender.calling_ae, len(kept))
        return ServiceAnswer(ServiceStatus.SUCCESS)


def _read(request: ServiceRequest) -> Commitment:
    said = read(request)
    try:
        instances = tuple(
            (required_uid(item, "ReferencedSOPClassUID"), required_uid(item, "ReferencedSOPInstanceUID"))
            for item in counted(said.items("ReferencedSOPSequence"))
        )
        if not instances:
            raise missing(said, "ReferencedSOPSequence")
        return Commitment(request.sender, required_uid(said, "TransactionUID"), instances, time.time())
    except Refused as refused:
        if refused.answer.status == ServiceStatus.RESOURCE_LIMITATION:
            raise
        # An action has arguments (PS3.7 10.1.4.1.10), not attributes.
        raise Refused(ServiceStatus.INVALID_ARGUMENT_VALUE, refused.answer.comment) from refused


class _Promised:
    """The result of one request, for the association that has asked; what it names is read again from its file."""

    def __init__(
        self,
        judge: Judge,
        pending: PendingCommitments,
        commitment: Commitment,
        wake: Callable[[Sender], None],
    ) -> None:
        self._judge = judge
        self._pending = pending
        self._name = commitment.name
        self._sender = commitment.sender
        self._wake = wake

    def report(self) -> Report | None:
        """The result as of now; None while the database is away, or where it has been told meanwhile."""
        try:
            commitment = self._pending.load(self._name)
            return None if commitment is None else report_of(commitment, self._judge.judge(commitment))
        except (OSError, RorError, Refused) as error:
            _log.warning("a result of storage commitment waits: %s", error)
            return None

    def told(self, status: int) -> None:
        """The peer has it, unless it takes no reports on this association."""
        if is_taken(status):
            self._pending.forget(self._name)
        self.untold()

    def untold(self) -> None:
        """If it is still there, it is reported on another association."""
        self._pending.release(self._name)
        self._wake(self._sender)
