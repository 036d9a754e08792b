"""Jobs in the hands of a worker. What somebody writes who has a job no longer is not taken."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine.job_rows import job_of
from ror.engine.jobs import storable
from ror.engine.retries import Kind, Retries
from ror.model import Job, JobState

__all__ = ["IS_LIVE", "LIVE", "RUNS_THE_PROGRAM", "Begun", "HeldJobs", "Hold"]

LIVE = (JobState.QUEUED, JobState.RUNNING)
"""The states in which a job is still to be worked on."""
RUNS_THE_PROGRAM = "execute"
"""The step during which, and before which, a job holds room of its host."""

_jobs, _steps = tables.jobs.c, tables.job_steps.c
# As they are, since a list of parameters is written into the statement anew each time.
IS_LIVE = _jobs.state.in_([sa.literal_column(f"'{state}'") for state in LIVE])
# A step has each of these a dozen times; made anew, they would take longer than what they do.
_IS_HELD = sa.and_(
    _jobs.id == sa.bindparam("of_job"),
    _jobs.attempt == sa.bindparam("of_attempt"),
    IS_LIVE,
)
_RELEASED = tables.jobs.update().where(_IS_HELD).values(released_at=sa.bindparam("now"))
_AT_STEP = sa.and_(_steps.job_id == sa.bindparam("of_job"), _steps.step == sa.bindparam("of_step"))
# The row of a job that is held, which nobody gives away before the transaction ends, with that of a step of it; none
# for a job that is not held.
_LOCKED = (
    sa.select(_jobs.released_at, _steps.step, _steps.ended_at, _steps.next_at, _steps.setbacks)
    .select_from(tables.jobs.outerjoin(tables.job_steps, _AT_STEP))
    .where(_IS_HELD)
    .with_for_update(of=tables.jobs)
)
# The same in one statement with what is written of it, which is most of what a job asks of its database.
_THE_HELD = sa.select(_jobs.id).where(_IS_HELD).with_for_update()
_FIRST_BEGUN = _THE_HELD.add_columns(
    sa.bindparam("of_step", type_=_steps.step.type),
    sa.bindparam("now", type_=_steps.started_at.type),
    sa.literal("", _steps.detail.type),
    sa.literal({}, _steps.setbacks.type),
)
_BEGUN_AGAIN = (
    tables.job_steps.update()
    .where(_AT_STEP)
    .values(
        started_at=sa.bindparam("now"),
        ended_at=None,
        detail="",
        next_at=None,
        setbacks=sa.bindparam("its_setbacks"),
    )
)
_TOLD = (
    tables.job_steps.update()
    .where(_steps.job_id == _THE_HELD.scalar_subquery(), _steps.step == sa.bindparam("of_step"))
    .values(detail=sa.bindparam("told"))
)
_ENDED = _TOLD.values(ended_at=sa.bindparam("now"))
_UNDISPATCHED = (
    sa.select(tables.jobs)
    .where(
        IS_LIVE,
        _jobs.host == sa.bindparam("host"),
        _jobs.dispatched_attempt < _jobs.attempt,
    )
    .order_by(_jobs.created_at)
)
_DISPATCHED = (
    tables.jobs.update()
    .where(_jobs.id == sa.bindparam("of_job"))
    .values(dispatched_attempt=sa.bindparam("of_attempt"))
)


@dataclass(frozen=True, slots=True)
class Hold:
    """A job as a worker was given it. Each time that a job is given away, its attempt counts up."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A try of a step that begins; `lost` counts those that have died with their worker, 0 unless the last one has."""

    lost: int


class HeldJobs:
    """What workers read and write of the jobs that they have been given."""

    def __init__(self, database: Database) -> None:
        self._database = database
        columns = ["job_id", "step", "started_at", "detail", "setbacks"]
        first = database.insert(tables.job_steps).from_select(columns, _FIRST_BEGUN)
        self._first_begun = first.on_conflict_do_nothing()

    def undispatched(self, host: str) -> list[Job]:
        """Jobs of a host whose present attempt it has not handed to the durable engine, the oldest first."""
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(_UNDISPATCHED, {"host": host})]

    def mark_dispatched(self, job: Job) -> None:
        """The durable engine has this attempt of the job."""
        self._database.write_one(_DISPATCHED, _of(Hold(job.id, job.attempt)))

    def attempts(self, job_ids: Collection[str]) -> dict[str, int]:
        """The present attempt of those jobs that are still to be worked on."""
        query = sa.select(_jobs.id, _jobs.attempt).where(_jobs.id.in_(job_ids), _jobs.state.in_(LIVE))
        with self._database.read() as connection:
            return {row.id: row.attempt for row in connection.execute(query)}

    def is_held(self, hold: Hold) -> bool:
        """Whether the job is still to be worked on, and by this holder."""
        return self.attempts([hold.job_id]).get(hold.job_id) == hold.attempt

    def begin_step(self, hold: Hold, step: str) -> Begun | None:
        """Note that a step begins (again); None, and nothing is noted, where the job is no longer held."""
        begins = _of(hold) | {"of_step": step, "now": time.time()}
        if self._database.write_one(self._first_begun, begins):
            return Begun(0)
        with self._database.write() as connection:
            row = _locked(connection, hold, step)
            if row is None or row.step is None:
                return None
            setbacks, lost = dict(row.setbacks or {}), 0
            # Whatever ends, waits or is put down in good order says so.
            if row.ended_at is None and row.next_at is None:
                lost = setbacks[Kind.HOST_LOST] = setbacks.get(Kind.HOST_LOST, 0) + 1
            # Nobody else writes it meanwhile: the job is locked.
            connection.execute(_BEGUN_AGAIN, begins | {"its_setbacks": setbacks})
            if step == RUNS_THE_PROGRAM and row.released_at is not None:
                # It was not checkpointed, so it runs again.
                connection.execute(_RELEASED, _of(hold) | {"now": None})
        return Begun(lost)

    def note_setback(self, hold: Hold, step: str, kind: Kind, detail: str, retries: Retries) -> float | None:
        """Note that a try of a step has failed, and return in how many seconds the next one is.

        None, and nothing is noted, where there is no other, or as `begin_step`.
        """
        with self._database.write() as connection:
            row = _locked(connection, hold, step)
            setbacks = dict(row.setbacks or {}) if row is not None else {}
            setbacks[kind] = setbacks.get(kind, 0) + 1
            if row is None or row.step is None or not retries.allow(setbacks[kind]):
                return None
            wait = retries.wait_seconds(setbacks[kind])
            at = time.time() + wait
            values: dict[str, object] = {"setbacks": setbacks, "detail": storable(detail), "next_at": at}
            connection.execute(_at_step(hold, step).values(values))
        return wait

    def note_pause(self, hold: Hold, step: str, detail: str, seconds: float) -> None:
        """Note that a step begins in so many seconds only."""
        values = {"detail": storable(detail), "next_at": time.time() + seconds}
        with self._database.write() as connection:
            if _locked(connection, hold, step) is not None:
                connection.execute(_at_step(hold, step).values(values))

    def put_down(self, host: str) -> None:
        """A worker ends in good order: whatever step it leaves in the middle was not lost with it."""
        theirs = sa.select(_jobs.id).where(_jobs.host == host, _jobs.state.in_(LIVE))
        steps = tables.job_steps
        unfinished = steps.c.job_id.in_(theirs) & steps.c.ended_at.is_(None) & steps.c.next_at.is_(None)
        with self._database.write() as connection:
            connection.execute(steps.update().where(unfinished).values(next_at=time.time()))

    def note_step(self, hold: Hold, step: str, detail: str, *, ended: bool, well: bool = True) -> bool:
        """Note what a step says while it waits, or at its end; False, and nothing is noted, as `begin_step`.

        With the program of the job ended well, the job holds nothing of its host any more.
        """
        told = _of(hold) | {"of_step": step, "told": storable(detail), "now": time.time()}
        if not (ended and well and step == RUNS_THE_PROGRAM):
            return bool(self._database.write_one(_ENDED if ended else _TOLD, told))
        with self._database.write() as connection:
            if not connection.execute(_ENDED, told).rowcount:
                return False
            connection.execute(_RELEASED, told)
        return True


def _of(hold: Hold) -> dict[str, object]:
    return {"of_job": hold.job_id, "of_attempt": hold.attempt}


def _locked(connection: sa.Connection, hold: Hold, step: str) -> Any:
    """The row of a job that is held, with what is noted of a step of it (no `step` before that has begun), or None."""
    return connection.execute(_LOCKED, _of(hold) | {"of_step": step}).first()


def _at_step(hold: Hold, step: str) -> sa.Update:
    return tables.job_steps.update().where(_steps.job_id == hold.job_id, _steps.step == step)
