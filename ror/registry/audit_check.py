"""Whether the audit log is as it was written: every event the one that its hash says, behind the one it was behind.

Who may write to the database can write the whole log anew, with hashes that fit. Only what was noted elsewhere tells
that: hashes that it once ended with (*anchors*), which are also what shows that its end was cut off.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ror.db import BEFORE_THE_FIRST, Database, chained, tables

__all__ = ["AuditCheck", "ChainEnd", "check_audit"]

_audit = tables.audit.c
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The first or last event of the log, by its number, its time (seconds since the epoch) and its hash."""

    number: int
    at: float
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What was found: how many events, from where to where, at which one it is broken, and how ("": it is whole)."""

    events: int
    first: ChainEnd | None
    last: ChainEnd | None
    broken_at: int | None
    fault: str

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.fault


def check_audit(database: Database, anchors: Collection[str] = ()) -> AuditCheck:
    """Follow the log from its first event to its last; each of `anchors` must be the hash of one of them."""
    events, first, last = 0, None, None
    broken_at, fault = None, ""
    missing = {anchor.lower(): anchor for anchor in anchors}
    query = sa.select(tables.audit).order_by(_audit.id).execution_options(yield_per=_ROWS_AT_ONCE)
    with database.read(streams=True) as connection:
        for row in connection.execute(query):
            if not fault and (fault := _fault(row, last)):
                broken_at = row.id
            last = ChainEnd(row.id, row.at, row.hash)
            first = first or last
            events += 1
            missing.pop(row.hash, None)
    if missing and not fault:
        named = next(iter(missing.values()))
        fault = f"it has no event with the hash {named}: its end was cut off, or it was written anew"
    return AuditCheck(events, first, last, broken_at, fault)


def _fault(row: Any, before: ChainEnd | None) -> str:
    """What is wrong with an event behind the one `before`; "" if nothing is."""
    number, previous = (before.number, before.hash) if before else (0, BEFORE_THE_FIRST)
    fields = (row.at, row.who, row.action, row.project, row.pseudonym, row.detail)
    try:
        expected = chained(row.previous, row.id, *fields)
    except (TypeError, ValueError):  # no time is written so
        expected = ""
    if row.hash != expected:
        return f"event {row.id} was changed or put in: it is not what its hash says"
    if row.id != number + 1:
        gone = f"event {number + 1}" if row.id == number + 2 else f"events {number + 1} to {row.id - 1}"
        return f"{gone} {'was' if row.id == number + 2 else 'were'} removed"
    if row.previous != previous:
        return f"event {row.id} does not follow the one before it: one of them was exchanged"
    return ""
