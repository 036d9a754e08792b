"""DIMSE command sets (PS3.7 6.3, annex E): implicit VR little endian, group 0000 only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ror.gateway.association.errors import PeerViolation

__all__ = ["MAX_COMMAND_BYTES", "Command", "CommandField", "event_report", "response"]

MAX_COMMAND_BYTES: Final = 16 * 1024
_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_SOP_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0002, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _COMMENT, _ERROR_ID, _SOP_INSTANCE = 0x0800, 0x0900, 0x0902, 0x0903, 0x1000
_REQUESTED_SOP_CLASS, _REQUESTED_SOP_INSTANCE, _EVENT_TYPE, _ACTION_TYPE = 0x0003, 0x1001, 0x1002, 0x1008
_NO_DATA_SET, _DATA_SET = 0x0101, 0x0001
_RESPONSE: Final = 0x8000
_COMMENT_LENGTH: Final = 64  # LO


class CommandField(IntEnum):
    """Requests that we know, and the one response (PS3.7 E.1-1)."""

    C_STORE = 0x0001
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    C_CANCEL = 0x0FFF
    N_EVENT_REPORT_RSP = 0x8100


@dataclass(frozen=True, slots=True)
class Command:
    """A request, or the answer to one of ours.

    Attributes
    ----------
    message_id
        Of the request; of a response, that of the request that it answers.
    sop_class_uid, sop_instance_uid
        Of the SOP that is affected, or requested; as they came, without their padding.
    action_type
        Of an N-ACTION.
    status
        Of a response.
    """

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    action_type: int = 0
    status: int = 0

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
            field, data_set_type = (_number(values[element]) for element in (_FIELD, _DATA_SET_TYPE))
            answers = field == CommandField.N_EVENT_REPORT_RSP
            message_id = _number(values[_RESPONDED_TO if answers else _MESSAGE_ID])
            status = _number(values[_STATUS]) if answers else 0
            action_type = _number(values.get(_ACTION_TYPE, b"\0\0"))
        except (KeyError, struct.error) as error:
            # A C-CANCEL names the message that it cancels, and has no ID of its own.
            if values.get(_FIELD) == _US.pack(CommandField.C_CANCEL):
                return cls(CommandField.C_CANCEL, 0, has_data_set=False)
            raise PeerViolation("a command without its field, message ID or data set type") from error
        if field & _RESPONSE and not answers:
            raise PeerViolation("a response to nothing that was asked")
        has_data_set = data_set_type != _NO_DATA_SET
        sop_class = _uid(values.get(_SOP_CLASS) or values.get(_REQUESTED_SOP_CLASS, b""))
        sop_instance = _uid(values.get(_SOP_INSTANCE) or values.get(_REQUESTED_SOP_INSTANCE, b""))
        if field == CommandField.C_STORE and not (sop_class and sop_instance and has_data_set):
            raise PeerViolation("a C-STORE request without SOP class, SOP instance or data set")
        return cls(field, message_id, has_data_set, sop_class, sop_instance, action_type, status)


def response(request: Command, status: int, comment: str = "", error_id: int | None = None) -> bytes:
    """The command set that answers a request, without a data set."""
    return _encoded(
        _text(_SOP_CLASS, request.sop_class_uid, b"\0"),
        _short(_FIELD, request.field | _RESPONSE),
        _short(_RESPONDED_TO, request.message_id),
        _short(_DATA_SET_TYPE, _NO_DATA_SET),
        _short(_STATUS, status),
        _text(_COMMENT, comment[:_COMMENT_LENGTH], b" "),
        b"" if error_id is None else _short(_ERROR_ID, error_id),
        _text(_SOP_INSTANCE, request.sop_instance_uid, b"\0"),
    )


def event_report(message_id: int, sop_class_uid: str, sop_instance_uid: str, event_type: int) -> bytes:
    """The command set of an N-EVENT-REPORT request (PS3.7 10.3.1), with a data set."""
    return _encoded(
        _text(_SOP_CLASS, sop_class_uid, b"\0"),
        _short(_FIELD, CommandField.N_EVENT_REPORT),
        _short(_MESSAGE_ID, message_id),
        _short(_DATA_SET_TYPE, _DATA_SET),
        _text(_SOP_INSTANCE, sop_instance_uid, b"\0"),
        _short(_EVENT_TYPE, event_type),
    )


def _encoded(*elements: bytes) -> bytes:
    body = b"".join(elements)
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


def _number(value: bytes) -> int:
    return int(_US.unpack(value)[0])


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
