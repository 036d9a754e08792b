"""Who has opened or changed what leads to patients: a record that is only ever added to."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from ror.db import Database, tables
from ror.registry.role import caller

__all__ = ["AuditLog", "AuditRecord", "add_record"]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of ``ror audit``: pseudonyms and counts, never an identity."""

    at: float
    who: str
    action: str
    project: str
    pseudonym: str
    detail: str


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
        table = tables.audit.c
        same = (
            (table.action == action)
            & (table.project == project)
            & (table.pseudonym == pseudonym)
            & (table.detail == detail)
        )
        with self._database.write() as connection:
            if connection.execute(sa.select(table.id).where(same).limit(1)).first() is None:
                add_record(connection, action, project, pseudonym, detail)

    def list(self) -> list[AuditRecord]:
        """All records, the latest first."""
        table = tables.audit
        query = sa.select(table).order_by(table.c.at.desc(), table.c.id.desc())
        with self._database.read() as connection:
            return [
                AuditRecord(row.at, row.who, row.action, row.project, row.pseudonym, row.detail)
                for row in connection.execute(query)
            ]


def add_record(
    connection: sa.Connection, action: str, project: str, pseudonym: str = "", detail: str = ""
) -> None:
    """Add a record together with what it tells of: both are there, or neither."""
    connection.execute(
        tables.audit.insert().values(
            at=time.time(),
            who=caller(),
            action=action,
            project=project,
            pseudonym=pseudonym,
            detail=detail,
        )
    )
