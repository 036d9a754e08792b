"""Who has opened or changed what leads to patients: a record that is only ever added to."""

from __future__ import annotations

import os
import pwd
import time
from dataclasses import dataclass

import sqlalchemy as sa

from ror.db import Database, tables

__all__ = ["AuditLog", "AuditRecord"]


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
        row = tables.audit.insert().values(
            at=time.time(), who=_who(), action=action, project=project, pseudonym=pseudonym, detail=detail
        )
        with self._database.write() as connection:
            connection.execute(row)

    def list(self) -> list[AuditRecord]:
        """All records, the latest first."""
        table = tables.audit
        query = sa.select(table).order_by(table.c.at.desc(), table.c.id.desc())
        with self._database.read() as connection:
            return [
                AuditRecord(row.at, row.who, row.action, row.project, row.pseudonym, row.detail)
                for row in connection.execute(query)
            ]


def _who() -> str:
    # The user whom the system knows: LOGNAME can say anything.
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    behind = os.environ.get("SUDO_USER", "")
    return f"{name} (sudo, said to be {behind})"[:128] if behind else name
