"""What can happen to an element."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Action", "Rule"]


class Action(StrEnum):
    """What happens to an element; the values are the words of the report."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "dummied"
    UID = "uid_mapped"
    UID_KEPT = "uid_kept"
    SHIFT = "date_shifted"
    DATE = "date_kept"
    TIME = "time_kept"
    ZONE = "zone_kept"
    CLEAN = "cleaned"
    CONTENT = "content_items_treated"
    PRIVATE = "safe_private_kept"
    PSEUDONYM = "pseudonymised"
    STUDY_ID = "study_id_hashed"
    ACCESSION = "accession_hashed"
    AGE = "age_capped"


@dataclass(frozen=True, slots=True)
class Rule:
    """An action, and the stricter one for values that it cannot be applied to (a date that is none)."""

    action: Action
    otherwise: Action = Action.REMOVE
