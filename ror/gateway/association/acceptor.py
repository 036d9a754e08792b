"""An association from its request to its release, on one page (PS3.8 9.2 as acceptor; PS3.4 A, B as SCP)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ror.gateway.association.command import CommandField, response
from ror.gateway.association.errors import AssociationEnded, PeerGone, PeerViolation, Stopping
from ror.gateway.association.message import Assembly, Message
from ror.gateway.association.negotiation import Context, Offer, Refusal, Requested
from ror.gateway.association.wire import (
    MAX_PDU_BYTES,
    MAX_REQUEST_BYTES,
    PduType,
    Wire,
    abort,
    fragments,
    p_data,
    release_response,
)
from ror.gateway.intake import Answer, Status
from ror.gateway.received import Received
from ror.registry import Sender

__all__ = ["Acceptor", "Admit", "Enter", "Limits", "Store"]

_log = logging.getLogger(__name__)
_CONTROL_BYTES: Final = 16  # A-RELEASE-RQ and A-ABORT have 4
_BEFORE: Final[Mapping[int, int]] = {PduType.ASSOCIATE_RQ: MAX_REQUEST_BYTES, PduType.ABORT: _CONTROL_BYTES}
_ESTABLISHED: Final[Mapping[int, int]] = {
    PduType.P_DATA: MAX_PDU_BYTES,
    PduType.RELEASE_RQ: _CONTROL_BYTES,
    PduType.ABORT: _CONTROL_BYTES,
}
_GOODBYE_SECONDS: Final = 1.0  # for an A-ABORT to be read before the connection is closed over it
_SUCCESS, _NO_SUCH_SOP_CLASS, _UNRECOGNIZED_OPERATION = 0x0000, 0x0122, 0x0211

Store: TypeAlias = Callable[[Received], Answer]
Enter: TypeAlias = Callable[[], Refusal | None]
Admit: TypeAlias = Callable[[Sender], Refusal | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may take of us: `request_seconds` is the ARTIM timer (PS3.8 9.1.5), `idle_seconds` of each PDU.

    `spool` is the folder for objects that are too long for memory.
    """

    object_bytes: int
    request_seconds: float
    idle_seconds: float
    spool: Path


class Acceptor:
    """One association; its objects go to `store`.

    `admit` says whether its sender is known, and `enter` whether there is a place for it.
    """

    def __init__(
        self,
        wire: Wire,
        peer: str,
        offer: Offer,
        limits: Limits,
        store: Store,
        enter: Enter,
        admit: Admit,
    ) -> None:
        self._wire = wire
        self._peer = peer
        self._offer = offer
        self._limits = limits
        self._store = store
        self._enter = enter
        self._admit = admit

    def run(self) -> bool:
        """Serve it until it is over, for whatever reason; returns whether its peer has released it."""
        try:
            requested = self._request()
            if requested is not None:
                pdu, contexts = self._offer.accept(requested)
                self._wire.send(pdu, self._limits.request_seconds)
                self._converse(requested, contexts)
                return True
        except PeerViolation as violation:
            _log.warning("association with %s aborted: %s", self._peer, violation)
            self._abort(violation.reason)
        except PeerGone as gone:
            _log.info("association with %s is over: %s", self._peer, gone)
            self._abort(PeerViolation.NOT_SPECIFIED)
        except Stopping:
            self._abort(PeerViolation.NOT_SPECIFIED)
        return False

    def _request(self) -> Requested | None:
        """The request for the association; None if it was refused, or taken back."""
        type_, body = self._wire.read(_BEFORE, self._limits.request_seconds)
        if type_ == PduType.ABORT:
            return None
        requested = Requested.of(bytes(body))
        sender = Sender(requested.calling_ae, requested.called_ae, self._peer)
        refusal = requested.refusal or self._admit(sender) or self._enter()
        if refusal is None:
            return requested
        _log.warning("association with %s rejected: %s", self._peer, refusal.text)
        self._wire.send(refusal.pdu(), self._limits.request_seconds)
        self._wire.await_close(self._limits.request_seconds)
        return None

    def _converse(self, requested: Requested, contexts: Mapping[int, Context]) -> None:
        assembly = Assembly(contexts, self._limits.object_bytes, self._limits.spool)
        with closing(assembly):
            self._serve(requested, contexts, assembly)

    def _serve(self, requested: Requested, contexts: Mapping[int, Context], assembly: Assembly) -> None:
        while True:
            type_, body = self._wire.read(_ESTABLISHED, self._limits.idle_seconds)
            if type_ == PduType.ABORT:
                raise PeerGone("it aborted")
            if type_ == PduType.RELEASE_RQ:
                self._wire.send(release_response(), self._limits.request_seconds)
                self._wire.await_close(self._limits.request_seconds)
                return
            for fragment in fragments(body):
                message = assembly.add(*fragment)
                if message is not None:
                    self._answer(requested, contexts[message.context_id], message)
                    assembly.close()

    def _answer(self, requested: Requested, context: Context, message: Message) -> None:
        command = message.command
        if command.field == CommandField.C_CANCEL:
            return  # everything was answered before it could be read
        if command.field == CommandField.C_ECHO:
            answer = response(command, _SUCCESS)
        elif command.field != CommandField.C_STORE:
            answer = response(command, _UNRECOGNIZED_OPERATION)
        elif command.sop_class_uid != context.sop_class_uid:
            answer = response(command, _NO_SUCH_SOP_CLASS, "not the SOP class of its presentation context")
        elif message.data is None:
            _log.warning("an object of %s is refused: %s", requested.calling_ae, message.refusal)
            answer = response(command, Status.OUT_OF_RESOURCES, message.refusal)
        else:
            stored = self._take(
                Received(
                    calling_ae=requested.calling_ae,
                    called_ae=requested.called_ae,
                    sop_class_uid=command.sop_class_uid,
                    sop_instance_uid=command.sop_instance_uid,
                    transfer_syntax_uid=context.transfer_syntax_uid,
                    data=message.data,
                    address=self._peer,
                )
            )
            answer = response(command, stored.status, stored.comment)
        pdus = p_data(message.context_id, answer, requested.max_pdu_bytes)
        self._wire.send(pdus, self._limits.idle_seconds)

    def _take(self, received: Received) -> Answer:
        try:
            return self._store(received)
        except Exception as bug:  # noqa: BLE001 - a bug met in one object must not keep out those that come after it
            # What an exception of a library says may quote a value; where it was raised does not.
            at = bug.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            where = (
                f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else "an unknown place"
            )
            _log.error("an object of %s met a bug: %s at %s", received.calling_ae, type(bug).__name__, where)
            return Answer(Status.CANNOT_UNDERSTAND, "the receiver has a bug; see its log")

    def _abort(self, reason: int) -> None:
        with suppress(AssociationEnded):
            self._wire.send(abort(reason), _GOODBYE_SECONDS)
            self._wire.await_close(_GOODBYE_SECONDS)
