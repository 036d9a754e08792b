"""What a sender is told of an object."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Answer", "Status"]


class Status(IntEnum):
    """C-STORE response statuses (PS3.4 Table B.2-1; PS3.7 Annex C for NOT_AUTHORIZED)."""

    SUCCESS = 0x0000
    NOT_AUTHORIZED = 0x0124
    OUT_OF_RESOURCES = 0xA700
    DATASET_MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    # Of the range C000-CFFF that the standard leaves to us:
    REFUSED_BY_PROFILE = 0xC010
    DUPLICATE_DIFFERS = 0xC011
    UNLISTED_PATIENT = 0xC012
    CORRECTION_REFUSED = 0xC013
    WITHDRAWN = 0xC014


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told; `comment` has at most 64 characters (ErrorComment, LO).

    The sender is not told, nor compared by, whether the object was `held` before, for what `reason` it is in quarantine
    now, or to which study of the archive it was added (`study_uid`), which may be complete with its association
    (`until_release`).
    """

    status: Status
    comment: str = ""
    held: bool = field(default=False, compare=False)
    reason: str = field(default="", compare=False)
    study_uid: str = field(default="", compare=False)
    until_release: bool = field(default=False, compare=False)
