"""An association from its request to its release, on one page (PS3.8 9.2 as acceptor; PS3.4 A, B as SCP)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from ror.gateway.association.answering import Answering, Store
from ror.gateway.association.command import CommandField
from ror.gateway.association.errors import AssociationEnded, PeerGone, PeerViolation, Stopping
from ror.gateway.association.message import Assembly, Message
from ror.gateway.association.negotiation import Context, Offer, Refusal, Requested
from ror.gateway.association.promises import Promises
from ror.gateway.association.services import Service
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
from ror.registry import Sender

__all__ = ["Acceptor", "Admit", "Enter", "Limits", "Pace", "Released"]

_log = logging.getLogger(__name__)
_CONTROL_BYTES: Final = 16  # A-RELEASE-RQ and A-ABORT have 4
_BEFORE: Final[Mapping[int, int]] = {PduType.ASSOCIATE_RQ: MAX_REQUEST_BYTES, PduType.ABORT: _CONTROL_BYTES}
_ESTABLISHED: Final[Mapping[int, int]] = {
    PduType.P_DATA: MAX_PDU_BYTES,
    PduType.RELEASE_RQ: _CONTROL_BYTES,
    PduType.ABORT: _CONTROL_BYTES,
}
_GOODBYE_SECONDS: Final = 1.0  # for an A-ABORT to be read before the connection is closed over it

Enter: TypeAlias = Callable[[], Refusal | None]
Admit: TypeAlias = Callable[[Sender], Refusal | None]
Pace: TypeAlias = Callable[[Sender, int, int], None]
Released: TypeAlias = Callable[[], None]


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
    """One association; its objects go to `store`, what it asks besides to `services`, by SOP class.

    `admit` says whether its sender is known, and `enter` whether there is a place for it. `pace` is told of every
    object and byte that has come, and returns when the next may be read. `released` is called when its peer has asked
    to release it, before that is answered.
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
        services: Mapping[str, Service] = MappingProxyType({}),
        pace: Pace = lambda _sender, _objects, _bytes: None,
        released: Released = lambda: None,
    ) -> None:
        self._wire = wire
        self._peer = peer
        self._offer = offer
        self._limits = limits
        self._store = store
        self._enter = enter
        self._admit = admit
        self._services = services
        self._pace = pace
        self._released = released

    def run(self) -> None:
        """Serve it until it is over, for whatever reason."""
        try:
            requested = self._request()
            if requested is not None:
                pdu, contexts = self._offer.accept(requested)
                self._wire.send(pdu, self._limits.request_seconds)
                self._converse(requested, contexts)
        except PeerViolation as violation:
            _log.warning("association with %s aborted: %s", self._peer, violation)
            self._abort(violation.reason)
        except PeerGone as gone:
            _log.info("association with %s is over: %s", self._peer, gone)
            self._abort(PeerViolation.NOT_SPECIFIED)
        except Stopping:
            self._abort(PeerViolation.NOT_SPECIFIED)

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
        promises = Promises(self._wire, requested.max_pdu_bytes, self._limits.idle_seconds)
        with closing(assembly), closing(promises):
            self._serve(requested, contexts, assembly, promises)

    def _serve(
        self, requested: Requested, contexts: Mapping[int, Context], assembly: Assembly, promises: Promises
    ) -> None:
        sender = Sender(requested.calling_ae, requested.called_ae, self._peer)
        answering = Answering(sender, self._store, self._services)
        while True:
            promises.keep()
            type_, body = self._wire.read(_ESTABLISHED, self._limits.idle_seconds)
            if type_ == PduType.ABORT:
                raise PeerGone("it aborted")
            if type_ == PduType.RELEASE_RQ:
                self._released()
                self._wire.send(release_response(), self._limits.request_seconds)
                self._wire.await_close(self._limits.request_seconds)
                return
            objects = 0
            for fragment in fragments(body):
                message = assembly.add(*fragment)
                if message is not None:
                    objects += message.command.field == CommandField.C_STORE
                    self._answer(requested, contexts[message.context_id], message, answering, promises)
                    assembly.close()
            self._pace(sender, objects, len(body))

    def _answer(
        self,
        requested: Requested,
        context: Context,
        message: Message,
        answering: Answering,
        promises: Promises,
    ) -> None:
        if message.command.field == CommandField.C_CANCEL:
            return  # everything was answered before it could be read
        if message.command.field == CommandField.N_EVENT_REPORT_RSP:
            promises.answered(message.command)
            return
        answer, promise = answering.answer(context, message)
        if promise is not None:
            promises.add(message.context_id, context, promise)
        self._wire.send(
            p_data(message.context_id, answer, requested.max_pdu_bytes), self._limits.idle_seconds
        )

    def _abort(self, reason: int) -> None:
        with suppress(AssociationEnded):
            self._wire.send(abort(reason), _GOODBYE_SECONDS)
            self._wire.await_close(_GOODBYE_SECONDS)
