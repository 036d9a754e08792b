"""Where the measurements of a match belong in REDCap, so that a rerun meets its own, and never those of another match.

- An instance that the program gave is kept.
- Under a repeating instrument each match of a workflow has an instance of its own.
- Without one, the first match that writes a field of the record owns it, and another one is refused.
- Wherever it is, what another workflow has written is its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from ror.db import Database, tables
from ror.model import Job, JobState
from ror.results.errors import RedcapOccupied
from ror.results.model import Row

__all__ = ["RedcapPlaces"]

_instances, _owners, _jobs = tables.redcap_instances.c, tables.redcap_owners.c, tables.jobs.c
# What a failed or cancelled job may have written is in the way of nobody: its match can be run again.
_LIVE = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)


class RedcapPlaces:
    """Reads and writes the tables redcap_instances and redcap_owners."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, job: Job, rows: Sequence[Row], instrument: str) -> tuple[Row, ...]:
        """Give each row its place, the same whenever it is asked; committed before anything is sent.

        Parameters
        ----------
        instrument
            The project's repeating instrument, for rows whose program named none; "" where it has none.

        Raises
        ------
        RedcapOccupied
            A field of the record belongs to the living job of another match, or workflow. Nothing was placed.
        """
        with self._database.write() as connection:
            _take_turn(connection, job.project)
            return _Placing(connection, job, rows, instrument).placed()

    def require_own_instances(self, job: Job, placed: Sequence[Row]) -> None:
        """Refuse instances whose fields another workflow gives a value, once the table has the measurements of `job`.

        Asked only then, for of two jobs that come at once the later one sees what the earlier one has in the table.

        Raises
        ------
        RedcapOccupied
            A living job of another workflow has measured one of the fields for the same instance.
        """
        with self._database.read() as connection:
            occupied = {
                row.field_name: other
                for row in placed
                if row.repeat_instance is not None and (other := _of_another_workflow(connection, job, row))
            }
        if occupied:
            raise RedcapOccupied(job.project, occupied)


def _of_another_workflow(connection: sa.Connection, job: Job, row: Row) -> str | None:
    """The living job of another workflow that has measured the field for the same repeat instance."""
    table = tables.measurements
    query = (
        sa.select(table.c.job_id)
        .join(tables.jobs, _jobs.id == table.c.job_id)
        .where(
            _jobs.project == job.project,
            _jobs.workflow != job.workflow,
            _jobs.state.in_(_LIVE),
            table.c.record_id == row.record_id,
            table.c.event_name == row.event,
            table.c.repeat_instrument == row.repeat_instrument,
            table.c.repeat_instance == row.repeat_instance,
            table.c.field_name == row.field_name,
        )
    )
    return connection.execute(query).scalars().first()


def _take_turn(connection: sa.Connection, project: str) -> None:
    """One job of a project at a time, until its transaction ends. SQLite has one writer anyhow."""
    name = tables.projects.c.name
    connection.execute(sa.select(name).where(name == project).with_for_update(key_share=True))


class _Placing:
    """The rows of one job within one transaction."""

    def __init__(self, connection: sa.Connection, job: Job, rows: Sequence[Row], instrument: str) -> None:
        self._connection = connection
        self._job = job
        self._rows = rows
        self._instrument = instrument
        self._numbers: dict[tuple[str, str, str], int] = {}

    def placed(self) -> tuple[Row, ...]:
        plain = [row for row in self._rows if row.repeat_instance is None and not self._repeats(row)]
        occupied = {row.field_name: job for row in plain if (job := self._own(row))}
        if occupied:
            raise RedcapOccupied(self._job.project, occupied)
        return tuple(self._numbered(row) for row in self._rows)

    def _repeats(self, row: Row) -> str:
        return row.repeat_instrument or self._instrument

    # -- the record itself --------------------------------------------------------------------------------------------

    def _own(self, row: Row) -> str | None:
        """Become the owner of a field, or give the living job whose it is."""
        of_field = self._record(tables.redcap_owners, row, of_workflow=False) & (
            _owners.field_name == row.field_name
        )
        owners = self._connection.execute(sa.select(tables.redcap_owners).where(of_field)).all()
        own = self._job.workflow, self._job.match_key
        for one in owners:
            if (one.workflow, one.match_key) != own and (
                living := self._living_job(one.match_key, one.workflow)
            ):
                return living
        owner = next((one for one in owners if one.workflow == self._job.workflow), None)
        if owner is not None and owner.job_id == self._job.id:
            return None
        since = time.time() if owner is None or owner.match_key != self._job.match_key else owner.owned_since
        here = of_field & (_owners.workflow == self._job.workflow)
        self._connection.execute(tables.redcap_owners.delete().where(here))
        self._connection.execute(
            tables.redcap_owners.insert().values(
                project=self._job.project,
                record_id=row.record_id,
                event_name=row.event,
                workflow=self._job.workflow,
                field_name=row.field_name,
                match_key=self._job.match_key,
                job_id=self._job.id,
                owned_since=since,
            )
        )
        return None

    def _living_job(self, match_key: str, workflow: str | None = None) -> str | None:
        query = (
            sa.select(_jobs.id)
            .where(
                _jobs.project == self._job.project,
                _jobs.workflow == (workflow or self._job.workflow),
                _jobs.match_key == match_key,
                _jobs.state.in_(_LIVE),
            )
            .order_by(_jobs.created_at.desc())
        )
        return self._connection.execute(query).scalars().first()

    # -- repeat instances ---------------------------------------------------------------------------------------------

    def _numbered(self, row: Row) -> Row:
        instrument = self._repeats(row)
        if row.repeat_instance is not None or not instrument:
            return replace(row, repeat_instrument=instrument)
        key = (row.record_id, row.event, instrument)
        if key not in self._numbers:
            self._numbers[key] = self._number(row, instrument)
        return replace(row, repeat_instrument=instrument, repeat_instance=self._numbers[key])

    def _number(self, row: Row, instrument: str) -> int:
        """The instance of this match: the one it has, else the one it has in another workflow, else the next."""
        table = tables.redcap_instances
        here = self._record(table, row, of_workflow=False) & (_instances.instrument == instrument)
        kept = self._connection.execute(sa.select(table).where(here)).all()
        mine: dict[str, int] = {
            one.match_key: one.instance for one in kept if one.workflow == self._job.workflow
        }
        if (first := self._first_owner(row)) and first not in mine and 1 not in mine.values():
            # REDCap makes instance 1 of what a record held before its instrument was set to repeat.
            mine[first] = self._keep(row, instrument, first, 1)
        given = self._given(row, instrument)
        number = mine.get(self._job.match_key)
        if number is not None and number not in given:
            return number
        taken = given | set(mine.values())
        free = [one.instance for one in kept if one.match_key == self._job.match_key]
        free = [one for one in free if one not in taken]
        last = max({0} | taken | {one.instance for one in kept})
        return self._keep(row, instrument, self._job.match_key, min(free, default=last + 1))

    def _given(self, row: Row, instrument: str) -> set[int]:
        """The instances beside this row that the program itself has numbered."""
        return {
            one.repeat_instance
            for one in self._rows
            if one.repeat_instance is not None
            and (one.record_id, one.event, self._repeats(one)) == (row.record_id, row.event, instrument)
        }

    def _first_owner(self, row: Row) -> str | None:
        """The match whose values stand in the record itself, from before there was an instrument."""
        query = sa.select(_owners.match_key).where(self._record(tables.redcap_owners, row))
        owners = self._connection.execute(query.order_by(_owners.owned_since)).scalars()
        return next((one for one in owners if self._living_job(one)), None)

    def _keep(self, row: Row, instrument: str, match_key: str, instance: int) -> int:
        table = tables.redcap_instances
        here = self._record(table, row) & (_instances.instrument == instrument)
        self._connection.execute(table.delete().where(here, _instances.match_key == match_key))
        self._connection.execute(
            table.insert().values(
                project=self._job.project,
                record_id=row.record_id,
                event_name=row.event,
                instrument=instrument,
                workflow=self._job.workflow,
                match_key=match_key,
                instance=instance,
            )
        )
        return instance

    def _record(self, table: sa.Table, row: Row, *, of_workflow: bool = True) -> sa.ColumnElement[bool]:
        here = sa.and_(
            table.c.project == self._job.project,
            table.c.record_id == row.record_id,
            table.c.event_name == row.event,
        )
        return here & (table.c.workflow == self._job.workflow) if of_workflow else here
