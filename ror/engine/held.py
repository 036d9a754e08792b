"""Jobs in the hands of a worker. What somebody writes who has a job no longer is not taken."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine.jobs import job_of, storable
from ror.model import Job, JobState

__all__ = ["LIVE", "RUNS_THE_PROGRAM", "HeldJobs", "Hold"]

LIVE = (JobState.QUEUED, JobState.RUNNING)
"""The states in which a job is still to be worked on."""
RUNS_THE_PROGRAM = "execute"
"""The step during which, and before which, a job holds room of its host."""

_jobs = tables.jobs.c


@dataclass(frozen=True, slots=True)
class Hold:
    """A job as a worker was given it. Each time that a job is given away, its attempt counts up."""

    job_id: str
    attempt: int


class HeldJobs:
    """What workers read and write of the jobs that they have been given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def undispatched(self, host: str) -> list[Job]:
        """Jobs of a host whose present attempt it has not handed to the durable engine, the oldest first."""
        query = (
            sa.select(tables.jobs)
            .where(_jobs.state.in_(LIVE), _jobs.host == host, _jobs.dispatched_attempt < _jobs.attempt)
            .order_by(_jobs.created_at)
        )
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query)]

    def mark_dispatched(self, job: Job) -> None:
        """The durable engine has this attempt of the job."""
        with self._database.write() as connection:
            connection.execute(
                tables.jobs.update().where(_jobs.id == job.id).values(dispatched_attempt=job.attempt)
            )

    def attempts(self, job_ids: Collection[str]) -> dict[str, int]:
        """The present attempt of those jobs that are still to be worked on."""
        query = sa.select(_jobs.id, _jobs.attempt).where(_jobs.id.in_(job_ids), _jobs.state.in_(LIVE))
        with self._database.read() as connection:
            return {row.id: row.attempt for row in connection.execute(query)}

    def is_held(self, hold: Hold) -> bool:
        """Whether the job is still to be worked on, and by this holder."""
        return self.attempts([hold.job_id]).get(hold.job_id) == hold.attempt

    def begin_step(self, hold: Hold, step: str) -> bool:
        """Note that a step begins (again); False, and nothing is noted, where the job is no longer held."""
        values = {"started_at": time.time(), "ended_at": None, "detail": ""}
        insert = self._database.insert(tables.job_steps).values(job_id=hold.job_id, step=step, **values)
        with self._database.write() as connection:
            row = _locked(connection, hold)
            if row is None:
                return False
            connection.execute(insert.on_conflict_do_update(index_elements=["job_id", "step"], set_=values))
            if (
                step == RUNS_THE_PROGRAM and row.released_at is not None
            ):  # it was not checkpointed, so it runs again
                connection.execute(_update(hold).values(released_at=None))
        return True

    def note_step(self, hold: Hold, step: str, detail: str, *, ended: bool, well: bool = True) -> bool:
        """Note what a step says while it waits, or at its end; False, and nothing is noted, as `begin_step`.

        With the program of the job ended well, the job holds nothing of its host any more.
        """
        table = tables.job_steps
        values: dict[str, object] = {"detail": storable(detail)}
        if ended:
            values["ended_at"] = time.time()
        with self._database.write() as connection:
            if _locked(connection, hold) is None:
                return False
            at_step = table.update().where(table.c.job_id == hold.job_id, table.c.step == step)
            connection.execute(at_step.values(values))
            if ended and well and step == RUNS_THE_PROGRAM:
                connection.execute(_update(hold).values(released_at=values["ended_at"]))
        return True


def _update(hold: Hold) -> sa.Update:
    return tables.jobs.update().where(_jobs.id == hold.job_id, _jobs.attempt == hold.attempt)


def _locked(connection: sa.Connection, hold: Hold) -> Any:
    """The row of a job that is held; nobody gives it away before the transaction ends. None for any other."""
    query = sa.select(_jobs.id, _jobs.released_at)
    query = query.where(_jobs.id == hold.job_id, _jobs.attempt == hold.attempt, _jobs.state.in_(LIVE))
    return connection.execute(query.with_for_update()).first()
