"""What was withdrawn from a project, and may not come in again: studies, or whatever is of a patient."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import NotFound
from ror.registry.audit import add_record

__all__ = ["Withdrawal", "WithdrawalStore", "Withdrawn"]

_table = tables.withdrawals.c


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A study, or a patient (`study_uid` ""), that was withdrawn; times are seconds since the epoch.

    `ended_at` is None until all is removed that can be. `remains` are the UIDs of objects that lie where nothing could
    be removed, by the name of the place.
    """

    project: str
    pseudonym: str
    study_uid: str
    withdrawn_at: float
    ended_at: float | None
    readmitted_at: float | None
    remains: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What of a project may not come in."""

    patients: frozenset[str] = frozenset()
    studies: frozenset[str] = frozenset()

    def includes(self, patient_id: str, study_uid: str) -> bool:
        """Whether an object of this pseudonym and (research) study is withdrawn."""
        return patient_id in self.patients or study_uid in self.studies


class WithdrawalStore:
    """Reads and writes the table withdrawals; pseudonyms and UIDs of research, never an identity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, project: str, pseudonym: str, study_uid: str) -> None:
        """Let nothing more of it come in, on record; again where it was readmitted, or not ended."""
        values = {"withdrawn_at": time.time(), "ended_at": None, "readmitted_at": None}
        insert = self._database.insert(tables.withdrawals).values(
            project=project, pseudonym=pseudonym, study_uid=study_uid, remains={}, **values
        )
        key = ["project", "pseudonym", "study_uid"]
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=values))
            add_record(connection, "withdraw", project, pseudonym, study_uid or "all studies")

    def note_remains(
        self, project: str, pseudonym: str, study_uid: str, remains: Mapping[str, Sequence[str]]
    ) -> None:
        """Keep which objects lie where nothing can be removed, besides those that are known to."""
        here = _key(project, pseudonym, study_uid)
        with self._database.write() as connection:
            query = sa.select(_table.remains).where(here).with_for_update()
            known: dict[str, Any] = dict(connection.execute(query).scalar_one())
            for place, uids in remains.items():
                known[place] = sorted({*known.get(place, ()), *uids})
            connection.execute(tables.withdrawals.update().where(here).values(remains=known))

    def end(self, project: str, pseudonym: str, study_uid: str, told: str) -> None:
        """All that can be removed is, on record."""
        update = tables.withdrawals.update().where(_key(project, pseudonym, study_uid))
        with self._database.write() as connection:
            connection.execute(update.values(ended_at=time.time()))
            add_record(connection, "withdrawn", project, pseudonym, f"{study_uid or 'all studies'}: {told}")

    def readmit(self, project: str, of: str) -> list[Withdrawal]:
        """Let a study, or a patient with all studies, come in again, on record; `NotFound` if it is not withdrawn."""
        found = [
            one
            for one in self.list(project)
            if of in (one.study_uid, one.pseudonym) and not one.readmitted_at
        ]
        if not found:
            raise NotFound(f"project {project} has withdrawn no {of}", "see `ror project withdrawn`")
        with self._database.write() as connection:
            for one in found:
                here = _key(project, one.pseudonym, one.study_uid)
                connection.execute(tables.withdrawals.update().where(here).values(readmitted_at=time.time()))
            add_record(connection, "readmit", project, found[0].pseudonym, of)
        return found

    def list(self, project: str | None = None) -> list[Withdrawal]:
        """All that was ever withdrawn, the latest first."""
        query = sa.select(tables.withdrawals).order_by(_table.withdrawn_at.desc(), _table.study_uid)
        if project is not None:
            query = query.where(_table.project == project)
        with self._database.read() as connection:
            return [Withdrawal(**row._mapping) for row in connection.execute(query)]

    def now(self, project: str) -> Withdrawn:
        """What of a project may not come in now."""
        query = sa.select(_table.pseudonym, _table.study_uid).where(
            _table.project == project, _table.readmitted_at.is_(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return Withdrawn(
            frozenset(row.pseudonym for row in rows if not row.study_uid),
            frozenset(row.study_uid for row in rows if row.study_uid),
        )


def _key(project: str, pseudonym: str, study_uid: str) -> sa.ColumnElement[bool]:
    return sa.and_(_table.project == project, _table.pseudonym == pseudonym, _table.study_uid == study_uid)
