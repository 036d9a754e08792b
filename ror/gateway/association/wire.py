"""Protocol data units over a socket (PS3.8 9.3), with a limit and a deadline for each."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final

from ror.gateway.association.errors import PeerGone, PeerSilent, PeerViolation, Stopping

__all__ = [
    "MAX_PDU_BYTES",
    "MAX_REQUEST_BYTES",
    "PduType",
    "Wire",
    "abort",
    "fragments",
    "p_data",
    "release_response",
]

MAX_PDU_BYTES: Final = 128 * 1024
# 128 presentation contexts of all transfer syntaxes that there are take 140 kB.
MAX_REQUEST_BYTES: Final = 256 * 1024
_HEAD = struct.Struct(">BxI")
_ITEM = struct.Struct(">IBB")
_ABORT_BY_PROVIDER: Final = 2
_LAST_READS: Final = 16
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class PduType(IntEnum):
    """PS3.8 9.3.1."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class Wire:
    """Reads and sends PDUs; memory is taken once, for the longest one."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping
        self._buffer = bytearray(MAX_REQUEST_BYTES + _HEAD.size)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def read(self, limits: Mapping[int, int], seconds: float) -> tuple[int, memoryview]:
        """The next PDU: its type, one of `limits`, and its body of at most so many bytes, valid until the next call.

        Raises
        ------
        PeerViolation
            Another type, or a longer one.
        PeerGone
            It has not come whole within `seconds`, or the connection is closed.
        Stopping
            The service ends.
        """
        deadline = time.monotonic() + seconds
        self._await(_HEAD.size, deadline)
        type_, length = _HEAD.unpack_from(self._buffer, self._start)
        limit = limits.get(type_)
        if limit is None:
            known = type_ in PduType.__members__.values()
            reason = PeerViolation.UNEXPECTED_PDU if known else PeerViolation.UNRECOGNIZED_PDU
            raise PeerViolation(f"a PDU of type {type_:02X}H, which has no place here", reason)
        if length > limit:
            raise PeerViolation(f"a PDU of {length} bytes, where {limit} are allowed")
        self._await(_HEAD.size + length, deadline)
        begin = self._start + _HEAD.size
        self._start = begin + length
        return type_, self._view[begin : self._start]

    def says_something(self, seconds: float) -> bool:
        """Whether anything has come, or comes within `seconds`; raises as `read` does but for `PeerSilent`."""
        try:
            self._await(1, time.monotonic() + seconds)
        except PeerSilent:
            return False
        return True

    def send(self, data: bytes, seconds: float) -> None:
        """Send PDUs, all within `seconds`, or `PeerGone`."""
        try:
            self._connection.settimeout(seconds)
            self._connection.sendall(data)
        except OSError as error:
            raise PeerGone(f"it takes no answer: {type(error).__name__}") from error

    def await_close(self, seconds: float) -> None:
        """Wait until the peer closes the connection, as it must after a rejection or a release (PS3.8 9.2, Sta13).

        If it goes on to send instead, only so much is read that it has seen our last PDU.
        """
        deadline = time.monotonic() + seconds
        try:
            for _ in range(_LAST_READS):
                self._start = self._end = 0
                self._await(1, deadline)
        except (PeerGone, Stopping):
            return

    def _await(self, wanted: int, deadline: float) -> None:
        """Have so many bytes in the buffer from `_start` on."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start + wanted > len(self._buffer):
            left = self._buffer[self._start : self._end]
            self._buffer[: len(left)] = left
            self._start, self._end = 0, len(left)
        while self._end - self._start < wanted:
            self._end += self._receive(self._view[self._end :], deadline)

    def _receive(self, into: memoryview, deadline: float) -> int:
        if self._stopping.is_set():
            raise Stopping
        try:
            self._connection.settimeout(max(deadline - time.monotonic(), 0.001))
            received = self._connection.recv_into(into)
            if _QUICKACK is not None:
                # A sender that leaves Nagle's algorithm on waits for our acknowledgement before it sends the rest of an
                # object: 40 ms each. The kernel forgets this with every packet, so that it is said after every one.
                self._connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except TimeoutError as error:
            raise PeerSilent("it said nothing for too long") from error
        except OSError as error:
            raise PeerGone(f"the connection broke: {type(error).__name__}") from error
        if not received:
            raise Stopping if self._stopping.is_set() else PeerGone("it closed the connection")
        return received


def fragments(body: memoryview) -> Iterator[tuple[int, bool, bool, memoryview]]:
    """The fragments in a P-DATA-TF: context ID, whether of a command, whether the last of it, bytes (PS3.8 9.3.5)."""
    at = 0
    while at < len(body):
        if at + _ITEM.size > len(body):
            raise PeerViolation("a P-DATA PDU with half a header of a fragment")
        length, context_id, control = _ITEM.unpack_from(body, at)
        end = at + 4 + length  # the length counts context ID and control header
        if length < 2 or end > len(body) or control > 3:
            raise PeerViolation("a fragment that does not fit into its PDU")
        yield context_id, bool(control & 1), bool(control & 2), body[at + _ITEM.size : end]
        at = end


def p_data(context_id: int, data: bytes, max_bytes: int, *, is_command: bool = True) -> bytes:
    """A command or a data set in as many P-DATA-TF PDUs as it takes.

    `max_bytes` is what the peer takes in each, 0 for any number.
    """
    room = max(max_bytes - _ITEM.size, 2) if max_bytes else MAX_PDU_BYTES
    pieces = [data[at : at + room] for at in range(0, len(data), room)]
    pdus = []
    for number, piece in enumerate(pieces, start=1):
        control = int(is_command) | (number == len(pieces)) << 1
        item = _ITEM.pack(len(piece) + 2, context_id, control) + piece
        pdus.append(_HEAD.pack(PduType.P_DATA, len(item)) + item)
    return b"".join(pdus)


def release_response() -> bytes:
    """A-RELEASE-RP (PS3.8 9.3.7)."""
    return _HEAD.pack(PduType.RELEASE_RP, 4) + bytes(4)


def abort(reason: int) -> bytes:
    """A-ABORT of the provider (PS3.8 9.3.8)."""
    return _HEAD.pack(PduType.ABORT, 4) + bytes((0, 0, _ABORT_BY_PROVIDER, reason))
