"""Messages from fragments (PS3.7 6.3.1, PS3.8 annex E): a command, then its data set if it has one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ror.gateway.association.command import MAX_COMMAND_BYTES, Command, CommandField
from ror.gateway.association.errors import PeerViolation
from ror.gateway.association.negotiation import Context
from ror.gateway.association.room import MOST_BYTES, Room
from ror.gateway.received import part10_head
from ror.gateway.spooled import SpooledData

__all__ = ["Assembly", "Message"]

_log = logging.getLogger(__name__)
# No sender has fragments of fewer bytes but for the last ones of a message.
_FEWEST_BYTES: Final = 256
_FREE_FRAGMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One request: `data` is None where there is none, or where `refusal` says why it was not kept.

    The data are good until the assembly is closed.
    """

    context_id: int
    command: Command
    data: memoryview | SpooledData | None = None
    refusal: str = ""


class Assembly:
    """The message that is coming in.

    An object of more than 8 MiB goes into a file without a name in `folder`. One of more than `max_bytes` is counted,
    and not kept; neither is one that the disk has no room for, nor any other data set of more than 8 MiB.
    """

    def __init__(self, contexts: Mapping[int, Context], max_bytes: int, folder: Path) -> None:
        self._contexts = contexts
        self._max_bytes = max_bytes
        self._folder = folder
        self._room: Room | None = None
        self._spooled: SpooledData | None = None
        self.close()

    def close(self) -> None:
        """Let go of what has come: the message was answered, or the association is over."""
        self._context_id = 0
        self._command: Command | None = None
        self._said = bytearray()
        self._bytes = self._fragments = 0
        self._refusal = ""
        self._drop()

    def add(self, context_id: int, is_command: bool, is_last: bool, data: memoryview) -> Message | None:
        """Take the next fragment; the message if it is whole with it, to be closed before the next.

        Raises
        ------
        PeerViolation
            The fragment belongs to no message, or there is no end to them.
        """
        self._check(context_id, is_command, is_last, data)
        self._context_id = context_id
        self._bytes += len(data)
        if not is_command:
            self._keep(data)
        elif self._bytes > MAX_COMMAND_BYTES:
            raise PeerViolation("a command of more than 16 KiB")
        else:
            self._said += data
        return self._ended(is_command) if is_last else None

    def _check(self, context_id: int, is_command: bool, is_last: bool, data: memoryview) -> None:
        if context_id not in self._contexts:
            raise PeerViolation("a fragment of a presentation context that was not accepted")
        if is_command is (self._command is not None):
            raise PeerViolation("a command within a data set, or a data set without a command")
        if self._context_id not in (0, context_id):
            raise PeerViolation("a message over two presentation contexts")
        self._fragments += 1
        if self._fragments > _FREE_FRAGMENTS + self._bytes // _FEWEST_BYTES or not (data or is_last):
            raise PeerViolation("a message in endless fragments")

    def _keep(self, data: memoryview) -> None:
        assert self._command is not None
        is_object = self._command.field == CommandField.C_STORE
        max_bytes = self._max_bytes if is_object else min(self._max_bytes, MOST_BYTES)
        if self._bytes > max_bytes:
            self._refuse(
                "the object is longer than is allowed here" if is_object else "the data set is too long"
            )
            if self._bytes > 2 * max_bytes:
                raise PeerViolation("a data set of more than twice what is allowed")
        elif not self._refusal:
            try:
                self._append(data)
            except OSError as error:
                _log.error("no room for an object that is coming in: %s", error.strerror)
                self._refuse("no room for the object; send again later")

    def _append(self, data: memoryview) -> None:
        if self._room is None:
            self._room = Room()
        if self._spooled is None and self._bytes > MOST_BYTES:
            assert self._command is not None
            command, syntax = self._command, self._contexts[self._context_id].transfer_syntax_uid
            head = part10_head(command.sop_class_uid, command.sop_instance_uid, syntax)
            self._spooled = SpooledData(self._folder, head, self._max_bytes)
            self._spooled.append(self._room.data)
            self._room.clear()
        if self._spooled is None:
            self._room.append(data)
        else:
            self._spooled.append(data)

    def _refuse(self, why: str) -> None:
        self._refusal = why
        self._drop()

    def _drop(self) -> None:
        """Let go of the data set."""
        if self._room is not None:
            self._room.clear()
        if self._spooled is not None:
            self._spooled.close()
            self._spooled = None

    def _ended(self, is_command: bool) -> Message | None:
        if not is_command:
            assert self._command is not None
            if self._refusal:
                return Message(self._context_id, self._command, refusal=self._refusal)
            if self._spooled is not None:
                return Message(self._context_id, self._command, self._spooled)
            data = memoryview(b"") if self._room is None else self._room.data
            return Message(self._context_id, self._command, data)
        command = Command.of(bytes(self._said))
        if not command.has_data_set:
            return Message(self._context_id, command)
        self._command = command
        self._said, self._bytes = bytearray(), 0
        return None
