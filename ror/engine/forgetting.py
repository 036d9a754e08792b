"""Jobs on studies, and leaving no row of them, nor of their checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from dbos import DBOSClient

from ror.db import Database, in_batches, tables
from ror.engine.checkpoints import checkpoint_engine
from ror.engine.held import Hold
from ror.engine.job_rows import job_of
from ror.engine.pipeline import workflow_id
from ror.model import Job, JobState

__all__ = ["forget_checkpoints", "forget_jobs", "forget_old_checkpoints", "jobs_on"]

_jobs = tables.jobs.c
_ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_AT_ONCE: Final = 500
_MS: Final = 1000.0


def jobs_on(connection: sa.Connection, project: str, study_uids: Collection[str]) -> list[Job]:
    """The jobs of a project that have a series of any of these studies, whatever they ended as."""
    found: dict[str, Job] = {}
    for uid in study_uids:
        # As text it may also be part of a longer UID.
        near = (_jobs.study_uid == uid) | sa.cast(_jobs.series, sa.Text).contains(uid, autoescape=True)
        for row in connection.execute(sa.select(tables.jobs).where(_jobs.project == project, near)):
            job = job_of(row)
            if uid in (job.study_uid, *(one.study_uid for one in job.series)):
                found[job.id] = job
    return list(found.values())


def forget_jobs(connection: sa.Connection, jobs: Sequence[Job]) -> None:
    """Within a transaction: delete jobs, what they have made and measured, and whatever else is known of them."""
    made, deliveries = tables.results.c, tables.deliveries
    instances = tables.redcap_instances
    for job in jobs:
        match = (
            (instances.c.project == job.project)
            & (instances.c.workflow == job.workflow)
            & (instances.c.match_key == job.match_key)
        )
        connection.execute(instances.delete().where(match))
    for some in in_batches(job.id for job in jobs):
        results = sa.select(made.sop_uid).where(made.job_id.in_(some))
        connection.execute(deliveries.delete().where(deliveries.c.sop_uid.in_(results)))
        for table in reversed(tables.metadata.sorted_tables):
            for column in table.columns:
                if column.references(_jobs.id):
                    connection.execute(table.delete().where(column.in_(some)))
        connection.execute(tables.jobs.delete().where(_jobs.id.in_(some)))


def forget_checkpoints(database_url: str, jobs: Sequence[Job]) -> None:
    """Let the durable engine know nothing of jobs: one that is made again has their id, and has to run."""
    with _durable_engine(database_url) as client:
        if client is not None and jobs:
            attempts = (Hold(job.id, number) for job in jobs for number in range(1, job.attempt + 1))
            client.delete_workflows([workflow_id(one) for one in attempts])


def forget_old_checkpoints(database: Database, database_url: str, before: float) -> int:
    """Let the durable engine, which forgets nothing, know nothing of attempts that no retry can go on from.

    Those that ended `before` (seconds since the epoch), of jobs that have succeeded, were superseded, or have begun
    anew since. Returns how many they were.
    """
    forgotten = kept = 0
    made_before = datetime.fromtimestamp(before, UTC).isoformat()
    with _durable_engine(database_url) as client:
        while client is not None:
            some = client.list_workflows(
                status=_ENDED,
                end_time=made_before,
                limit=_AT_ONCE,
                offset=kept,
                load_input=False,
                load_output=False,
            )
            if not some:
                break
            old = [one.workflow_id for one in some if (one.updated_at or 0) < before * _MS]
            gone = _needless(database, old)
            client.delete_workflows(gone)
            forgotten += len(gone)
            kept += len(some) - len(gone)
    return forgotten


def _needless(database: Database, workflow_ids: Sequence[str]) -> list[str]:
    """Of workflows of attempts, those that no attempt to come goes on from."""
    attempts = [(one, *one.rpartition("#")[::2]) for one in workflow_ids if "#" in one]
    query = sa.select(_jobs.id, _jobs.state, _jobs.first_attempt)
    with database.read() as connection:
        rows = {
            row.id: row
            for some in in_batches({job_id for _, job_id, _ in attempts})
            for row in connection.execute(query.where(_jobs.id.in_(some)))
        }
    return [
        name
        for name, job_id, number in attempts
        if (row := rows.get(job_id)) is None
        or row.state in (JobState.SUCCEEDED, JobState.SUPERSEDED)
        or int(number) < row.first_attempt
    ]


@contextmanager
def _durable_engine(database_url: str) -> Iterator[DBOSClient | None]:
    """What DBOS offers to who runs none of its workflows; None where none has ever run."""
    address = sa.make_url(database_url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")  # which is installed with us
    engine = checkpoint_engine(database_url) or sa.create_engine(address)
    try:
        schema = None if engine.dialect.name == "sqlite" else "dbos"
        if not sa.inspect(engine).has_table("workflow_status", schema=schema):
            yield None
            return
        client = DBOSClient(system_database_engine=engine)
        try:
            yield client
        finally:
            client.destroy()
    finally:
        engine.dispose()
