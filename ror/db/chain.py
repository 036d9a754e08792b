"""The hashes that chain the rows of the audit log: each is of its row and of the hash before it.

How never changes, for rows of any age are verified by it: SHA-256 of a JSON list in ASCII, without blanks, of the
number, time, name, action, project, pseudonym and detail of the event, and the hash of the event before.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

__all__ = ["BEFORE_THE_FIRST", "chained"]

BEFORE_THE_FIRST: Final = "0" * 64
"""What stands where the first event has the hash of the one before it."""


def chained(
    previous: str, number: int, at: float, who: str, action: str, project: str, pseudonym: str, detail: str
) -> str:
    """The hash of an event behind the one whose hash is `previous`; `at` in seconds since the epoch."""
    # A time is written by the fewest digits that give the same double again, in every version of Python from 3.1.
    fields = [number, float(at), who, action, project, pseudonym, detail, previous]
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
