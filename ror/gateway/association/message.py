"""Messages from fragments (PS3.7 6.3.1, PS3.8 annex E): a command, then its data set if it has one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ror.gateway.association.command import MAX_COMMAND_BYTES, Command
from ror.gateway.association.errors import PeerViolation

__all__ = ["Assembly", "Message"]

# No sender has fragments of fewer bytes but for the last ones of a message.
_FEWEST_BYTES: Final = 256
_FREE_FRAGMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One request: `data` is None where it was longer than is allowed, or where it has none."""

    context_id: int
    command: Command
    data: bytes | None = None
    too_long: bool = False


class Assembly:
    """The message that is coming in; a data set of more than `max_bytes` is counted, and not kept."""

    def __init__(self, context_ids: Collection[int], max_bytes: int) -> None:
        self._context_ids = context_ids
        self._max_bytes = max_bytes
        self._begin()

    def _begin(self) -> None:
        self._context_id = 0
        self._command: Command | None = None
        self._data = bytearray()
        self._bytes = self._fragments = 0

    def add(self, context_id: int, is_command: bool, is_last: bool, data: memoryview) -> Message | None:
        """Take the next fragment; the message if it is whole with it.

        Raises
        ------
        PeerViolation
            The fragment belongs to no message, or there is no end to them.
        """
        self._check(context_id, is_command, is_last, data)
        self._context_id = context_id
        self._bytes += len(data)
        if self._bytes <= (MAX_COMMAND_BYTES if is_command else self._max_bytes):
            self._data += data
        elif is_command:
            raise PeerViolation("a command of more than 16 KiB")
        elif self._bytes > 2 * self._max_bytes:
            raise PeerViolation("a data set of more than twice what is allowed")
        else:
            self._data.clear()
        return self._ended(is_command) if is_last else None

    def _check(self, context_id: int, is_command: bool, is_last: bool, data: memoryview) -> None:
        if context_id not in self._context_ids:
            raise PeerViolation("a fragment of a presentation context that was not accepted")
        if is_command is (self._command is not None):
            raise PeerViolation("a command within a data set, or a data set without a command")
        if self._context_id not in (0, context_id):
            raise PeerViolation("a message over two presentation contexts")
        self._fragments += 1
        if self._fragments > _FREE_FRAGMENTS + self._bytes // _FEWEST_BYTES or not (data or is_last):
            raise PeerViolation("a message in endless fragments")

    def _ended(self, is_command: bool) -> Message | None:
        if is_command:
            command = Command.of(bytes(self._data))
            if command.has_data_set:
                self._command = command
                self._data, self._bytes = bytearray(), 0
                return None
            message = Message(self._context_id, command)
        else:
            assert self._command is not None
            too_long = self._bytes > self._max_bytes
            data = None if too_long else bytes(self._data)
            message = Message(self._context_id, self._command, data, too_long)
        self._begin()
        return message
