"""Who has opened or changed what leads to patients: a record that is only ever added to.

Each event has the hash of the one before it (`ror.db.chain`), so that what is changed, removed or put in between shows
(`ror.registry.audit_check`); triggers of the database refuse both to change and to remove one.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ror.db import BEFORE_THE_FIRST, Database, chained, in_turn, tables
from ror.registry.role import caller

__all__ = ["AuditFilter", "AuditLog", "AuditRecord", "add_record"]

_log = logging.getLogger(__name__)
_audit = tables.audit.c


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of ``ror audit list``: pseudonyms and counts, never an identity."""

    number: int
    at: float
    who: str
    action: str
    project: str
    pseudonym: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records are asked for; empty and None: all. Times are seconds since the epoch, `until` is not included."""

    project: str = ""
    pseudonym: str = ""
    action: str = ""
    who: str = ""
    since: float | None = None
    until: float | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What a row must fulfil."""
        texts = {
            _audit.project: self.project,
            _audit.pseudonym: self.pseudonym,
            _audit.action: self.action,
            _audit.who: self.who,
        }
        wanted = [column == text for column, text in texts.items() if text]
        if self.since is not None:
            wanted.append(_audit.at >= self.since)
        if self.until is not None:
            wanted.append(_audit.at < self.until)
        return wanted


class AuditLog:
    """Records in the database; there is no command that takes one away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, action: str, project: str, pseudonym: str = "", detail: str = "") -> None:
        """Add a record in the name of who runs this process, committed before what it tells of is done."""
        with self._database.write() as connection:
            add_record(connection, action, project, pseudonym, detail)

    def record_once(self, action: str, project: str, pseudonym: str, detail: str) -> None:
        """Add a record unless there is the same one already: what is tried again and again is told once."""
        same = (
            (_audit.action == action)
            & (_audit.project == project)
            & (_audit.pseudonym == pseudonym)
            & (_audit.detail == detail)
        )
        with self._database.write() as connection:
            if connection.execute(sa.select(_audit.id).where(same).limit(1)).first() is None:
                add_record(connection, action, project, pseudonym, detail)

    def list(self, wanted: AuditFilter | None = None) -> list[AuditRecord]:
        """The records that are asked for, the latest first."""
        query = sa.select(tables.audit).order_by(_audit.id.desc())
        if wanted is not None:
            query = query.where(*wanted.conditions())
        with self._database.read() as connection:
            return [
                AuditRecord(row.id, row.at, row.who, row.action, row.project, row.pseudonym, row.detail)
                for row in connection.execute(query)
            ]

    def log_end(self) -> None:
        """Leave in the program's log where the record ends: from there it cannot be cut short without being seen."""
        with self._database.read() as connection:
            number, last = _end(connection)
        if number:
            _log.info("the audit log ends with event %d (ror audit verify --anchor %s)", number, last)


def add_record(
    connection: sa.Connection, action: str, project: str, pseudonym: str = "", detail: str = ""
) -> None:
    """Add a record together with what it tells of, as its last act: both are there, or neither."""
    in_turn(connection, "audit")
    number, previous = _end(connection)
    fields: dict[str, Any] = {
        "at": time.time(),
        "who": caller(),
        "action": action,
        "project": project,
        "pseudonym": pseudonym,
        "detail": detail,
    }
    link = {"previous": previous, "hash": chained(previous, number + 1, **fields)}
    connection.execute(tables.audit.insert().values({"id": number + 1} | fields | link))


def _end(connection: sa.Connection) -> tuple[int, str]:
    """The number and the hash of the last event."""
    last = sa.select(_audit.id, _audit.hash).order_by(_audit.id.desc()).limit(1)
    row = connection.execute(last).first()
    return (row.id, row.hash) if row is not None else (0, BEFORE_THE_FIRST)
