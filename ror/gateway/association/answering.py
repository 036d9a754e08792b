"""One request and its answer: C-ECHO, C-STORE, and what goes to another service."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

from ror.gateway.answer import Answer, Status
from ror.gateway.association.command import Command, CommandField, response
from ror.gateway.association.message import Message
from ror.gateway.association.negotiation import Context
from ror.gateway.association.services import Promise, Service, ServiceAnswer, ServiceRequest
from ror.gateway.received import Received
from ror.registry import Sender

__all__ = ["Answering", "Store"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_SUCCESS, _PROCESSING_FAILURE, _NO_SUCH_SOP_CLASS_N = 0x0000, 0x0110, 0x0118
_NO_SUCH_SOP_CLASS, _UNRECOGNIZED_OPERATION, _RESOURCE_LIMITATION = 0x0122, 0x0211, 0x0213
_OF_SERVICES: Final = (
    CommandField.N_ACTION,
    CommandField.N_CREATE,
    CommandField.N_SET,
    CommandField.N_EVENT_REPORT,
)

Store: TypeAlias = Callable[[Received], Answer]


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers what one association asks: objects by `store`, the rest by the service of its SOP class."""

    sender: Sender
    store: Store
    services: Mapping[str, Service]

    def answer(self, context: Context, message: Message) -> tuple[bytes, Promise | None]:
        """The command set to be sent, and what the peer is promised besides."""
        command = message.command
        if command.field == CommandField.C_ECHO:
            return response(command, _SUCCESS), None
        if command.field == CommandField.C_STORE:
            return self._stored(context, message), None
        service = self.services.get(context.sop_class_uid)
        if command.field not in _OF_SERVICES or service is None:
            return response(command, _UNRECOGNIZED_OPERATION), None
        return self._served(service, context, message)

    def _stored(self, context: Context, message: Message) -> bytes:
        command = message.command
        if command.sop_class_uid != context.sop_class_uid or context.sop_class_uid in self.services:
            return response(command, _NO_SUCH_SOP_CLASS, "not the SOP class of its presentation context")
        if message.data is None:
            _log.warning("an object of %s is refused: %s", self.sender.calling_ae, message.refusal)
            return response(command, Status.OUT_OF_RESOURCES, message.refusal)
        received = Received(
            calling_ae=self.sender.calling_ae or "",
            called_ae=self.sender.called_ae or "",
            sop_class_uid=command.sop_class_uid,
            sop_instance_uid=command.sop_instance_uid,
            transfer_syntax_uid=context.transfer_syntax_uid,
            data=message.data,
            address=self.sender.address or "",
        )
        bug = Answer(Status.CANNOT_UNDERSTAND, "the receiver has a bug; see its log")
        stored = self._survived(lambda: self.store(received), bug, "an object")
        return response(command, stored.status, stored.comment)

    def _served(self, service: Service, context: Context, message: Message) -> tuple[bytes, Promise | None]:
        command = message.command
        if command.sop_class_uid != context.sop_class_uid:
            return response(command, _NO_SUCH_SOP_CLASS_N, "not the SOP class of its context"), None
        if message.refusal:
            _log.warning("a request of %s is refused: %s", self.sender.calling_ae, message.refusal)
            return response(command, _RESOURCE_LIMITATION, message.refusal), None
        request = ServiceRequest(
            self.sender,
            command.field,
            command.sop_class_uid,
            command.sop_instance_uid,
            context.transfer_syntax_uid,
            bytes(message.data or b""),
            command.action_type,
        )
        bug = ServiceAnswer(_PROCESSING_FAILURE, "the receiver has a bug; see its log")
        answer = self._survived(lambda: service.answer(request), bug, "a request")
        answered = _named(command, answer)
        return response(answered, answer.status, answer.comment, answer.error_id), answer.promise

    def _survived(self, ask: Callable[[], _T], otherwise: _T, what: str) -> _T:
        try:
            return ask()
        except Exception as bug:  # noqa: BLE001 - a bug met in one object must not keep out those that come after it
            # What an exception of a library says may quote a value; where it was raised does not.
            at = bug.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            where = (
                f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else "an unknown place"
            )
            _log.error(
                "%s of %s met a bug: %s at %s", what, self.sender.calling_ae, type(bug).__name__, where
            )
            return otherwise


def _named(command: Command, answer: ServiceAnswer) -> Command:
    if not answer.sop_instance_uid:
        return command
    return replace(command, sop_instance_uid=answer.sop_instance_uid)
