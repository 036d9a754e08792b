"""What services answer (PS3.7 annex C), and why an instance is not committed (PS3.3 C.14)."""

from __future__ import annotations

from enum import IntEnum

from ror.gateway.association import ServiceAnswer

__all__ = ["FailureReason", "Refused", "ServiceStatus", "is_taken"]


class ServiceStatus(IntEnum):
    """Statuses of DIMSE-N responses."""

    SUCCESS = 0x0000
    INVALID_ATTRIBUTE_VALUE = 0x0106
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_OBJECT_INSTANCE = 0x0117
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    UNRECOGNIZED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213


class FailureReason(IntEnum):
    """Values of FailureReason (0008,1197) in a storage commitment result."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119


class Refused(Exception):
    """A request that is answered with a failure; the comment never quotes it."""

    def __init__(self, status: ServiceStatus, comment: str, error_id: int | None = None) -> None:
        super().__init__(comment)
        self.answer = ServiceAnswer(status, comment, error_id)


def is_taken(status: int) -> bool:
    """Whether a peer has taken a report: success, or a warning (PS3.7 annex C)."""
    return status in (ServiceStatus.SUCCESS, 0x0001, 0x0107, 0x0116) or 0xB000 <= status < 0xC000
