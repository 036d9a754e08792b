"""Jobs on studies, and leaving no row of them, nor of their checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from dbos import DBOSClient

from ror.db import in_batches, tables
from ror.engine.checkpoints import checkpoint_engine
from ror.engine.held import Hold
from ror.engine.job_rows import job_of
from ror.engine.pipeline import workflow_id
from ror.model import Job

__all__ = ["forget_checkpoints", "forget_jobs", "jobs_on"]

_jobs = tables.jobs.c


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
    engine = checkpoint_engine(database_url) or sa.create_engine(database_url)
    try:
        schema = None if engine.dialect.name == "sqlite" else "dbos"
        if not jobs or not sa.inspect(engine).has_table("workflow_status", schema=schema):
            return  # none has ever run
        client = DBOSClient(system_database_engine=engine)
        try:
            attempts = (Hold(job.id, number) for job in jobs for number in range(1, job.attempt + 1))
            client.delete_workflows([workflow_id(one) for one in attempts])
        finally:
            client.destroy()
    finally:
        engine.dispose()
