"""Jobs in the database: their states, steps and reasons. Every change of state goes through `JOB_TRANSITIONS`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace

import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine.job_rows import ExecutedJob, JobRow, job_of, rows_of
from ror.errors import NotAllowed, NotFound
from ror.model import JOB_TRANSITIONS, Job, JobState, job_id
from ror.registry import add_record

__all__ = ["JobStore", "storable"]

_jobs, _steps = tables.jobs.c, tables.job_steps.c
_FINISHED = (JobState.SUCCEEDED, JobState.SUPERSEDED)
_UNDECIDED = (JobState.QUEUED, JobState.RUNNING, JobState.REVIEW)
# Each step of a job asks this; made anew, it would take longer than its answer.
_OF_ID = sa.select(tables.jobs).where(_jobs.id == sa.bindparam("of_job"))
_EXECUTED = _OF_ID.add_columns(
    sa.func.coalesce(_steps.ended_at, _steps.started_at).label("executed_at")
).join(tables.job_steps, (_steps.job_id == _jobs.id) & (_steps.step == "execute"))
_OF_MATCH = sa.select(_jobs.id, _jobs.state).where(
    _jobs.project == sa.bindparam("of_project"),
    _jobs.workflow == sa.bindparam("of_workflow"),
    _jobs.match_key == sa.bindparam("of_match"),
    _jobs.shadow == sa.bindparam("of_shadow"),
    # Versions in the shadow run beside one another, too.
    ~_jobs.shadow | (_jobs.package_digest == sa.bindparam("of_package")),
)
_SAME_MATCH = _OF_MATCH.where(_jobs.id != sa.bindparam("but"))
_REPLACED = _SAME_MATCH.where(_jobs.state.not_in(_UNDECIDED))
_CANCELLABLE = (*_UNDECIDED, JobState.FAILED)


class JobStore:
    """Reads and writes the tables jobs and job_steps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- made and found -----------------------------------------------------------------------------------------------

    def create(self, connection: sa.Connection, job: Job) -> bool:
        """Within a transaction: queue a job. False if it was there before: the same content is the same job."""
        values = {
            "id": job.id,
            "project": job.project,
            "workflow": job.workflow,
            "version": job.version,
            "package_digest": job.package_digest,
            "patient_id": job.patient_id,
            "study_uid": job.study_uid,
            "match_key": job.match_key,
            "series": [asdict(one) for one in job.series],
            "state": JobState.QUEUED,
            "shadow": job.shadow,
            "attempt": 1,
            "dispatched_attempt": 0,
            "detail": "",
            "image": "",
            "image_digest": "",
            "created_at": time.time(),
        }
        insert = self._database.insert(tables.jobs).values(values)
        return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)

    def as_it_stands(self, connection: sa.Connection, wanted: Job) -> Job:
        """A job that is wanted now, under the id of the one that stands for it, or that would if it were created.

        One that another has replaced stands no longer (an older version is the current one again, or a study that a
        job needed is gone), nor does a finished one that the unfinished job of another version is about to replace:
        it is made anew, as if it had never been there.
        """
        states = {row.id: row.state for row in connection.execute(_OF_MATCH, _match_of(wanted))}
        gone = {JobState.SUPERSEDED}
        if not set(states.values()) <= set(_FINISHED):
            gone.add(JobState.SUCCEEDED)
        job, replaced = wanted, 0
        while states.get(job.id) in gone:
            replaced += 1
            job = replace(wanted, id=_id_after(wanted, replaced))
        return job

    def supersede_others(self, connection: sa.Connection, job: Job) -> list[str]:
        """Within a transaction: end the unfinished jobs that `job` replaces; return their ids.

        A finished one keeps its state until the results of `job` have replaced its own (`supersede_finished`).
        """
        return self._supersede(connection, job, [state for state in JobState if state not in _FINISHED])

    def supersede_finished(self, connection: sa.Connection, job: Job) -> list[str]:
        """Within a transaction: the results of `job` have replaced those of the finished jobs returned."""
        return self._supersede(connection, job, [JobState.SUCCEEDED])

    def replaced_by(self, job: Job) -> list[str]:
        """The ended jobs whose results those of `job` replace, whatever they ended as: they may have delivered."""
        with self._database.read() as connection:
            return list(connection.execute(_REPLACED, _match_of(job) | {"but": job.id}).scalars())

    def _supersede(self, connection: sa.Connection, job: Job, states: Sequence[JobState]) -> list[str]:
        found = connection.execute(_SAME_MATCH, _match_of(job) | {"but": job.id})
        ids = [row.id for row in found if row.state in states]
        if not ids:
            return []
        connection.execute(
            tables.jobs.update()
            .where(_jobs.id.in_(ids), _jobs.state.in_(states))
            .values(state=JobState.SUPERSEDED, superseded_by=job.id, detail=f"superseded by {job.id}")
        )
        return ids

    def get(self, job_id: str) -> Job:
        """The job of that id (or of the only id that begins so), or `NotFound`."""
        with self._database.read() as connection:
            return job_of(self._found(connection, job_id))

    def show(self, job_id: str) -> JobRow:
        """The job of that id (or of the only id that begins so) with all that is known of it, or `NotFound`."""
        with self._database.read() as connection:
            return rows_of(connection, [self._found(connection, job_id)])[0]

    def executed(self, job_id: str) -> ExecutedJob:
        """A job whose program was begun at least, or `NotFound`."""
        with self._database.read() as connection:
            row = connection.execute(_EXECUTED, {"of_job": job_id}).first()
        if row is None:
            raise NotFound(f"no program has run of job {job_id}", "see `ror jobs list`")
        return ExecutedJob(job_of(row), row.image_digest, row.executed_at)

    def _found(self, connection: sa.Connection, job_id: str) -> sa.Row[tuple[object, ...]]:
        # First the whole id, since no index leads to the beginning of one.
        exact = connection.execute(_OF_ID, {"of_job": job_id}).first()
        if exact is not None:
            return exact
        query = sa.select(tables.jobs).where(_jobs.id.startswith(job_id, autoescape=True)).limit(2)
        rows = connection.execute(query).all()
        if len(rows) != 1:
            what = "no job" if not rows else "more than one job"
            raise NotFound(f"there is {what} {job_id}", "see `ror jobs list`")
        return rows[0]

    def find(
        self, project: str | None = None, state: JobState | None = None, study_uid: str | None = None
    ) -> list[JobRow]:
        """Jobs, the latest first."""
        query = sa.select(tables.jobs).order_by(_jobs.created_at.desc(), _jobs.id)
        for column, value in ((_jobs.project, project), (_jobs.state, state), (_jobs.study_uid, study_uid)):
            if value is not None:
                query = query.where(column == value)
        with self._database.read() as connection:
            return rows_of(connection, connection.execute(query).all())

    def first_of(self, project: str, workflow: str, package_digest: str) -> JobRow | None:
        """The first job that a package has made in a project, or None."""
        return next(iter(self.of_package(project, workflow, package_digest, most=1)), None)

    def of_package(
        self, project: str, workflow: str, package_digest: str, most: int | None = None
    ) -> list[JobRow]:
        """The jobs that a package has made in a project, the first that was queued first."""
        of_package = (
            (_jobs.project == project)
            & (_jobs.workflow == workflow)
            & (_jobs.package_digest == package_digest)
        )
        query = sa.select(tables.jobs).where(of_package).order_by(_jobs.created_at, _jobs.id).limit(most)
        with self._database.read() as connection:
            return rows_of(connection, connection.execute(query).all())

    def known(self, job_ids: Sequence[str]) -> list[JobRow]:
        """Those of these jobs that there are."""
        query = sa.select(tables.jobs).where(_jobs.id.in_(job_ids))
        with self._database.read() as connection:
            return rows_of(connection, connection.execute(query).all())

    # -- moved --------------------------------------------------------------------------------------------------------

    def move(
        self,
        job_id: str,
        to: JobState,
        detail: str = "",
        connection: sa.Connection | None = None,
        attempt: int | None = None,
    ) -> bool:
        """Move a job to another state. False if its present state does not allow that: somebody else was first.

        With `attempt`, also where the job is no longer at it.
        """
        allowed = [state for state, targets in JOB_TRANSITIONS.items() if to in targets]
        now = time.time()
        values: dict[str, object] = {"state": to, "detail": storable(detail)}
        if to is JobState.RUNNING:
            values["started_at"] = now
        elif to is not JobState.REVIEW:
            values["ended_at"] = now
        update = tables.jobs.update().where(_jobs.id == job_id, _jobs.state.in_(allowed)).values(values)
        if attempt is not None:
            update = update.where(_jobs.attempt == attempt)
        if connection is None:
            return bool(self._database.write_one(update))
        return bool(connection.execute(update).rowcount)

    def retry(self, job_id: str) -> None:
        """Queue a failed or cancelled job again, on record; the engine continues it from the step that failed."""
        job = self.get(job_id)
        with self._database.write() as connection:
            if not _queue_again(connection, job.id, (JobState.FAILED, JobState.CANCELLED)):
                raise NotAllowed(
                    f"job {job.id} is {job.state}", "only failed and cancelled jobs can be retried"
                )
            _note(connection, "retry job", [job])

    def retry_failed(self, project: str | None = None, workflow: str | None = None) -> list[str]:
        """Queue all failed jobs again, or those of a project, or a workflow, as `retry`; returns their ids."""
        query = sa.select(tables.jobs).where(_jobs.state == JobState.FAILED).order_by(_jobs.created_at)
        for column, value in ((_jobs.project, project), (_jobs.workflow, workflow)):
            if value is not None:
                query = query.where(column == value)
        with self._database.write() as connection:
            failed = [job_of(row) for row in connection.execute(query)]
            queued = [job for job in failed if _queue_again(connection, job.id, (JobState.FAILED,))]
            _note(connection, "retry job", queued)
        return [job.id for job in queued]

    def requeue(self, connection: sa.Connection, job_id: str) -> bool:
        """Within a transaction: queue a job whose results are accepted; it goes on where it began to wait.

        False if it is neither in review nor rejected.
        """
        return _queue_again(connection, job_id, (JobState.REVIEW, JobState.REJECTED))

    def cancel(self, job_id: str) -> None:
        """Cancel a job that is queued, runs, is in review or has failed, on record; the engine stops its container."""
        job = self.get(job_id)
        with self._database.write() as connection:
            told = "cancelled on request"
            if job.state not in _CANCELLABLE or not self.move(job.id, JobState.CANCELLED, told, connection):
                raise NotAllowed(
                    f"job {job.id} is {job.state}",
                    "only jobs that are queued, run, are in review or have failed can be cancelled",
                )
            _note(connection, "cancel job", [job])

    def is_live(self, job_id: str) -> bool:
        """Whether the job is still to be worked on."""
        query = sa.select(_jobs.state).where(_jobs.id == job_id)
        with self._database.read() as connection:
            state = connection.execute(query).scalar()
        if state is None:
            raise NotFound(f"there is no job {job_id}", "see `ror jobs list`")
        return state in (JobState.QUEUED, JobState.RUNNING)

    def set_image(self, job_id: str, image: str, digest: str) -> None:
        """Record what the job ran in."""
        image_of = tables.jobs.update().where(_jobs.id == job_id)
        self._database.write_one(image_of.values(image=image, image_digest=digest))

    def tell_step_anew(self, job_id: str, step: str, detail: str) -> None:
        """What a step has made was made again by a later one: say what it is now; its times stay."""
        steps = tables.job_steps
        at_step = steps.update().where(steps.c.job_id == job_id, steps.c.step == step)
        self._database.write_one(at_step.values(detail=storable(detail)))


def _queue_again(connection: sa.Connection, job_id: str, states: Sequence[JobState]) -> bool:
    values: dict[str, object] = {"state": JobState.QUEUED, "detail": "", "ended_at": None}
    nowhere = {"host": None, "gpu": None, "reserved_at": None}
    update = (
        tables.jobs.update()
        .where(_jobs.id == job_id, _jobs.state.in_(states))
        .values(attempt=_jobs.attempt + 1, **values, **nowhere)
    )
    if not connection.execute(update).rowcount:
        return False
    # Whoever asks for it wants as many tries as at first; what was left in the middle was not lost with its worker.
    steps = tables.job_steps
    anew = steps.update().where(steps.c.job_id == job_id).values(setbacks={}, next_at=time.time())
    connection.execute(anew)
    return True


def _note(connection: sa.Connection, action: str, jobs: Sequence[Job]) -> None:
    for job in jobs:
        add_record(connection, action, job.project, job.patient_id, f"job {job.id}")


def storable(text: str) -> str:
    """A text as every database keeps it."""
    # Programs print anything, and their last line is a reason; no database keeps a lone surrogate, PostgreSQL no NUL.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _id_after(job: Job, replaced: int) -> str:
    return job_id(
        job.workflow, job.package_digest, job.match_key, job.series, shadow=job.shadow, replaced=replaced
    )


def _match_of(job: Job) -> dict[str, object]:
    return {
        "of_project": job.project,
        "of_workflow": job.workflow,
        "of_match": job.match_key,
        "of_shadow": job.shadow,
        "of_package": job.package_digest,
    }
