"""A peer that sends whatever bytes a test wants it to, right or wrong."""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from types import TracebackType

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

__all__ = ["CONTEXT_ID", "RawPeer", "command", "pdu", "request", "store"]

CONTEXT_ID = 1
VERIFICATION = "1.2.840.10008.1.1"
DEADLINE_SECONDS = 60.0
RQ, AC, RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)


# select() knows no descriptor from here on, and pynetdicom, the honest sender of this process, asks it.
_LEFT_TO_OTHERS = 1024


def _out_of_the_way(connection: socket.socket) -> socket.socket:
    """The same connection by a descriptor that nobody else here could want."""
    number = fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, _LEFT_TO_OTHERS)
    with connection:
        moved = socket.socket(fileno=number)
    moved.settimeout(DEADLINE_SECONDS)
    return moved


class RawPeer:
    """A connection to a listener, from any loopback address."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = _out_of_the_way(
            socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS, source_address=(source, 0))
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.socket.close()

    @classmethod
    def associated(
        cls, port: int, source: str = "127.0.0.1", syntax: str = ExplicitVRLittleEndian
    ) -> RawPeer:
        """A connection with an association for CT images and Verification."""
        peer = cls(port, source)
        peer.send(request(syntax))
        assert peer.receive()[0] == AC
        return peer

    def send(self, *data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(b"".join(data))

    def flood(self, data: bytes, most: int) -> int:
        """Send bytes until the peer takes no more of them, `most` at most; returns how many it took."""
        sent = 0
        try:
            while sent < most:
                sent += self.socket.send(data)
        except ConnectionError:
            pass
        return sent

    def receive(self) -> tuple[int, bytes]:
        """The next PDU; (0, b"") when the connection is closed or reset."""
        try:
            head = self._exactly(6)
            type_, length = struct.unpack(">BxI", head)
            return type_, self._exactly(length)
        except (ConnectionError, struct.error):
            return 0, b""

    def status(self) -> int:
        """The status of the next response."""
        type_, body = self.receive()
        assert type_ == P_DATA, f"a PDU of type {type_} in place of a response"
        at = body.index(b"\0\0\0\x09\2\0\0\0") + 8
        return int.from_bytes(body[at : at + 2], "little")

    def ends(self) -> int:
        """Wait until the listener aborts or closes; returns the type of the last PDU that it has sent, 0 for none."""
        last, deadline = 0, time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            type_, _body = self.receive()
            if type_ in (ABORT, 0):
                return type_ or last
            last = type_
        raise AssertionError("the listener does not close the connection")

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data


def pdu(type_: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU, or one that says another length than it has."""
    return struct.pack(">BxI", type_, len(body) if length is None else length) + body


def request(syntax: str = ExplicitVRLittleEndian, version: int = 1, sop_class: str = CTImageStorage) -> bytes:
    """An A-ASSOCIATE-RQ for CT images, or another class (context 1), and Verification (context 3)."""
    contexts = b"".join(
        _item(0x20, bytes((number, 0, 0, 0)) + _item(0x30, uid.encode()) + _item(0x40, syntax.encode()))
        for number, uid in ((CONTEXT_ID, sop_class), (3, VERIFICATION))
    )
    user = _item(0x50, _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"1.2.3"))
    titles = b"ROR".ljust(16) + b"SCANNER".ljust(16)
    fixed = struct.pack(">HH", version, 0) + titles + bytes(32)
    return pdu(RQ, fixed + _item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + user)


def command(field: int, *, data_set: bool = False, sop_class: str = "", uid: str = "") -> bytes:
    """A command set."""
    elements = b""
    if sop_class:
        elements += _element(0x0002, _even(sop_class))
    elements += _element(0x0100, struct.pack("<H", field)) + _element(0x0110, struct.pack("<H", 7))
    elements += _element(0x0800, struct.pack("<H", 1 if data_set else 0x0101))
    if uid:
        elements += _element(0x1000, _even(uid))
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def fragment(
    data: bytes, *, is_command: bool = False, last: bool = True, context_id: int = CONTEXT_ID
) -> bytes:
    """A P-DATA-TF of one fragment."""
    control = is_command | last << 1
    return pdu(P_DATA, struct.pack(">IBB", len(data) + 2, context_id, control) + data)


def store(uid: str, *fragments: bytes, sop_class: str = CTImageStorage) -> bytes:
    """A C-STORE request with a data set in fragments, the last of which ends it."""
    asked = fragment(command(1, data_set=True, sop_class=sop_class, uid=uid), is_command=True)
    pieces = [fragment(piece, last=piece is fragments[-1]) for piece in fragments]
    return b"".join((asked, *pieces))


def _item(type_: int, value: bytes) -> bytes:
    return struct.pack(">BxH", type_, len(value)) + value


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def _even(text: str) -> bytes:
    return text.encode() + bytes(len(text) % 2)
