"""A research subject given from outside: a coupling list, a study's own numbering."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anonymizer.errors import ProfileError

__all__ = ["Subject"]

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_EVENT = re.compile(r"[A-Za-z0-9_]{1,53}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who an object belongs to, instead of the pseudonym that the key derives.

    Attributes
    ----------
    pseudonym
        PatientID and PatientName of the research object: letters, digits, space, dot, hyphen, underscore; at
        most 64.
    event
        REDCap event name, written as ``EventName:<event>`` into ReferringPhysicianName.
    shift_days
        Days to add to every date, where several identifiers are known to be one person; None for the number that
        the key derives from the original patient.
    """

    pseudonym: str
    event: str | None = None
    shift_days: int | None = None

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.pseudonym):
            raise ProfileError(
                "bad_pseudonym", "The pseudonym is no plain word", "Use letters, digits, . _ -"
            )
        if self.event is not None and not _EVENT.fullmatch(self.event):
            raise ProfileError("bad_event", "The event is no REDCap event name", "Use letters, digits and _.")
