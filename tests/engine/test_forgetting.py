"""Jobs on a study are found whatever else they work on, and leave nothing behind, on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import DBOSClient
from dbos._sys_db import SystemDatabase

from ror.db import Database, tables
from ror.engine import (
    HeldJobs,
    Hold,
    JobFolders,
    JobStore,
    forget_checkpoints,
    forget_jobs,
    forget_old_checkpoints,
    jobs_on,
)
from ror.model import Job, JobSeries, JobState
from tests.engine.test_jobs import a_job, bring, create, jobs

__all__ = ["jobs"]  # a fixture


def job_on(database: Database, store: JobStore, key: str, *study_uids: str, project: str = "lungs") -> Job:
    series = tuple(JobSeries("CT", f"9.{uid}", uid, "a") for uid in study_uids)
    job = dataclasses.replace(a_job(key, key=key, project=project), study_uid=study_uids[0], series=series)
    create(database, store, job)
    return job


def found(database: Database, *study_uids: str) -> set[str]:
    with database.read() as connection:
        return {job.match_key for job in jobs_on(connection, "lungs", study_uids)}


def test_jobs_are_found_by_every_study_that_they_work_on(database: Database, jobs: JobStore) -> None:
    for key, study_uids in (
        ("one", ("1.1",)),
        ("both", ("1.2", "1.1")),
        ("longer", ("1.1.5",)),
        ("other", ("1.3",)),
    ):
        job_on(database, jobs, key, *study_uids)
    job_on(database, jobs, "elsewhere", "1.1", project="heads")
    assert found(database, "1.1") == {"one", "both"}
    assert found(database, "1.2", "1.3") == {"both", "other"}
    assert found(database, "1") == found(database) == set()


def test_a_job_that_is_forgotten_leaves_no_row_and_the_others_all_of_theirs(
    database: Database, jobs: JobStore
) -> None:
    gone, kept = (job_on(database, jobs, key, "1.1") for key in ("gone", "kept"))
    for number, job in enumerate((gone, kept)):
        HeldJobs(database).begin_step(Hold(job.id, 1), "stage")
        made = {"sop_uid": f"2.25.{number}", "job_id": job.id, "kind": "SEG", "path": "", "made_at": 1.0}
        uids = dict.fromkeys(("sop_class_uid", "series_uid", "study_uid"), "1.1")
        record = {"record_id": "P", "event_name": "", "workflow": job.workflow, "match_key": job.match_key}
        with database.write() as connection:
            connection.execute(tables.results.insert().values(made | uids))
            connection.execute(
                tables.deliveries.insert().values(
                    destination="main", sop_uid=made["sop_uid"], delivered_at=1.0, times_sent=1
                )
            )
            connection.execute(
                tables.redcap_instances.insert().values(
                    record | {"project": "lungs", "instrument": "ct", "instance": number}
                )
            )
    with database.write() as connection:
        forget_jobs(connection, [gone])
    here = (tables.jobs, tables.job_steps, tables.results, tables.deliveries, tables.redcap_instances)
    with database.read() as connection:
        assert [len(connection.execute(sa.select(table)).all()) for table in here] == [1] * len(here)
    assert jobs.get(kept.id) == kept


@pytest.fixture
def checkpoints(database_kind: str, empty_url: str) -> Iterator[str]:
    """The address of a database of the durable engine."""
    engine = sa.create_engine(empty_url)
    SystemDatabase.create(
        system_database_url=empty_url,
        engine_kwargs={},
        engine=engine,
        schema="dbos",
        serializer=DBOSClient.__init__.__kwdefaults__["serializer"],
        executor_id=None,
    ).run_migrations()
    engine.dispose()
    yield empty_url


def test_the_durable_engine_knows_nothing_of_a_job_that_is_forgotten(checkpoints: str) -> None:
    engine = sa.create_engine(checkpoints)
    client = DBOSClient(system_database_engine=engine)
    job = dataclasses.replace(a_job(), attempt=2)
    for name in (f"{job.id}#1", f"{job.id}#2", "another#1"):
        client.enqueue({"workflow_name": "ror.job", "queue_name": "q", "workflow_id": name})
    forget_checkpoints(checkpoints, [job])
    forget_checkpoints(checkpoints, [])
    assert [one.workflow_id for one in client.list_workflows()] == ["another#1"]
    client.destroy()
    engine.dispose()


def ended(engine: sa.Engine, client: DBOSClient, name: str, *, at: float, status: str = "SUCCESS") -> None:
    client.enqueue({"workflow_name": "ror.job", "queue_name": "q", "workflow_id": name})
    schema = None if engine.dialect.name == "sqlite" else "dbos"
    names = ("workflow_uuid", "status", "created_at", "updated_at")
    table = sa.table("workflow_status", *map(sa.column, names), schema=schema)
    values = {"status": status, "created_at": int(at * 1000), "updated_at": int(at * 1000)}
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.workflow_uuid == name).values(values))


def test_old_attempts_are_forgotten_that_no_retry_goes_on_from(
    database: Database, jobs: JobStore, checkpoints: str
) -> None:
    engine = sa.create_engine(checkpoints)
    client = DBOSClient(system_database_engine=engine)
    needed = set()
    for state in JobState:
        job = a_job(state, key=state)
        create(database, jobs, job)
        bring(database, job, state)
        ended(engine, client, f"{job.id}#1", at=1000.0)
        if state not in (JobState.SUCCEEDED, JobState.SUPERSEDED):
            needed.add(f"{job.id}#1")
    anew = a_job("anew", key="anew")
    create(database, jobs, anew)
    with database.write() as connection:  # its folder has gone
        values = {"state": JobState.FAILED, "attempt": 2, "first_attempt": 2}
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == anew.id).values(values))
    late = a_job("late", key="late")
    create(database, jobs, late)
    bring(database, late, JobState.SUCCEEDED)
    for name, at, status in (
        (f"{anew.id}#1", 1000.0, "ERROR"),
        (f"{anew.id}#2", 1000.0, "ERROR"),
        ("box-of-nobody#1", 1000.0, "CANCELLED"),
        (f"{late.id}#1", 3000.0, "SUCCESS"),
        (f"{late.id}#2", 1000.0, "PENDING"),
        ("another program's", 1000.0, "SUCCESS"),
    ):
        ended(engine, client, name, at=at, status=status)
    needed |= {f"{anew.id}#2", f"{late.id}#1", f"{late.id}#2", "another program's"}
    for number in (4, 0):
        assert forget_old_checkpoints(database, checkpoints, 2000.0) == number
        assert {one.workflow_id for one in client.list_workflows()} == needed
    client.destroy()
    engine.dispose()


def test_where_nothing_has_ever_run_there_is_nothing_to_forget(database: Database, empty_url: str) -> None:
    forget_checkpoints(empty_url, [a_job()])
    assert forget_old_checkpoints(database, empty_url, 2000.0) == 0


@pytest.mark.parametrize("state", list(JobState))
def test_the_folders_of_ended_jobs_are_known(
    database: Database, jobs: JobStore, tmp_path: Path, state: JobState
) -> None:
    job = a_job()
    create(database, jobs, job)
    bring(database, job, state)
    folders = JobFolders(database, tmp_path / "jobs")
    assert folders.ended() == []
    (tmp_path / "jobs" / job.id).mkdir(parents=True)
    (tmp_path / "jobs" / "of nobody").mkdir()
    ended = state not in (JobState.QUEUED, JobState.RUNNING, JobState.REVIEW)
    assert [one.job_id for one in folders.ended()] == [job.id] * ended
    assert folders.remove(job.id, lambda _connection: None) == ended
    assert (tmp_path / "jobs" / job.id).exists() == (not ended)
    assert (tmp_path / "jobs" / "of nobody").exists()
