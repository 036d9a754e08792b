"""DIMSE command sets (PS3.7 6.3, annex E): implicit VR little endian, group 0000 only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ror.gateway.association.errors import PeerViolation

__all__ = ["MAX_COMMAND_BYTES", "Command", "CommandField", "response"]

MAX_COMMAND_BYTES: Final = 16 * 1024
_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_SOP_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0002, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _COMMENT, _SOP_INSTANCE = 0x0800, 0x0900, 0x0902, 0x1000
_NO_DATA_SET: Final = 0x0101
_RESPONSE: Final = 0x8000
_COMMENT_LENGTH: Final = 64  # LO


class CommandField(IntEnum):
    """Requests that we know (PS3.7 E.1-1)."""

    C_STORE = 0x0001
    C_ECHO = 0x0030
    C_CANCEL = 0x0FFF


@dataclass(frozen=True, slots=True)
class Command:
    """A request; the UIDs are those of the affected SOP, as they came, without their padding."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @classmethod
    def of(cls, data: bytes) -> Command:
        """Read a command set.

        Raises
        ------
        PeerViolation
            It does not add up, what every request has is missing, or it is a response.
        """
        values = dict(_elements(data))
        try:
            field, message_id, data_set_type = (
                _US.unpack(values[element])[0] for element in (_FIELD, _MESSAGE_ID, _DATA_SET_TYPE)
            )
        except (KeyError, struct.error) as error:
            # A C-CANCEL names the message that it cancels, and has no ID of its own.
            if values.get(_FIELD) == _US.pack(CommandField.C_CANCEL):
                return cls(CommandField.C_CANCEL, 0, has_data_set=False)
            raise PeerViolation("a command without its field, message ID or data set type") from error
        if field & _RESPONSE:
            raise PeerViolation("a response to nothing that was asked")
        has_data_set = data_set_type != _NO_DATA_SET
        sop_class, sop_instance = (_uid(values.get(element, b"")) for element in (_SOP_CLASS, _SOP_INSTANCE))
        if field == CommandField.C_STORE and not (sop_class and sop_instance and has_data_set):
            raise PeerViolation("a C-STORE request without SOP class, SOP instance or data set")
        return cls(field, message_id, has_data_set, sop_class, sop_instance)


def response(request: Command, status: int, comment: str = "") -> bytes:
    """The command set that answers a request, without a data set."""
    parts = [
        _text(_SOP_CLASS, request.sop_class_uid, b"\0"),
        _short(_FIELD, request.field | _RESPONSE),
        _short(_RESPONDED_TO, request.message_id),
        _short(_DATA_SET_TYPE, _NO_DATA_SET),
        _short(_STATUS, status),
        _text(_COMMENT, comment[:_COMMENT_LENGTH], b" "),
        _text(_SOP_INSTANCE, request.sop_instance_uid, b"\0"),
    ]
    body = b"".join(parts)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        if at + _ELEMENT.size > len(data):
            raise PeerViolation("a command with half an element")
        group, element, length = _ELEMENT.unpack_from(data, at)
        at += _ELEMENT.size
        if group or length > len(data) - at:
            raise PeerViolation("a command whose elements do not add up")
        found.append((element, data[at : at + length]))
        at += length
    return found


def _uid(value: bytes) -> str:
    return value.decode("latin-1").rstrip("\0 ")


def _short(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + _US.pack(value)


def _text(element: int, value: str, padding: bytes) -> bytes:
    if not value:
        return b""
    data = value.encode("latin-1", errors="replace")
    data += padding * (len(data) % 2)
    return _ELEMENT.pack(0, element, len(data)) + data
