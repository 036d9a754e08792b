"""Hosts in the database: who is there, and whose jobs go on elsewhere."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine import Gpu, HeldJobs, Hold, Host, HostStore, JobStore
from ror.engine.hosts import BEATS_UNTIL_LOST
from ror.errors import NotAllowed, NotFound
from ror.model import Job, JobState

BEAT_SECONDS = 10.0
HERE = Host("here", 2, 8.0, 16384, (Gpu("0", 16000),), frozenset({"a100"}), 64)
THERE = Host("there", 1, 4.0, 8192)


@pytest.fixture
def hosts(database: Database) -> HostStore:
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="lungs", settings={}, created_at=0.0))
    return HostStore(database)


@pytest.fixture
def jobs(database: Database) -> JobStore:
    return JobStore(database)


def a_job(
    database: Database, jobs: JobStore, name: str, host: str | None, state: JobState = JobState.RUNNING
) -> None:
    with database.write() as connection:
        jobs.create(
            connection, Job(name, "lungs", "box", "1.0", "d" * 64, "P", "1.1", name, (), JobState.QUEUED)
        )
        row = tables.jobs.update().where(tables.jobs.c.id == name)
        connection.execute(row.values(state=state, host=host, placed_at=1.0))


def silence(database: Database, name: str, beats: float) -> None:
    """As if a host had not been heard of for so many beats."""
    with database.write() as connection:
        beat_at = database.now() - beats * BEAT_SECONDS
        connection.execute(tables.hosts.update().where(tables.hosts.c.name == name).values(beat_at=beat_at))


def take_from_the_lost(database: Database, hosts: HostStore) -> list[str]:
    with database.write() as connection:
        return sorted(hosts.take_from_the_lost(connection, hosts.rows(connection)))


def test_a_host_comes_back_as_it_has_joined(hosts: HostStore) -> None:
    assert hosts.join(HERE, BEAT_SECONDS) == 1
    assert hosts.join(THERE, BEAT_SECONDS) == 1
    first, second = hosts.list()
    assert (first.host, second.host) == (HERE, THERE)
    assert first.alive
    assert not first.drained
    assert first.jobs == 0
    grown = Host("here", 4, 16.0, 32768)
    assert hosts.join(grown, BEAT_SECONDS) == 2
    assert hosts.list()[0].host == grown


def test_a_host_that_begins_again_has_its_jobs_still_as_another_attempt(
    database: Database, hosts: HostStore, jobs: JobStore
) -> None:
    hosts.join(HERE, BEAT_SECONDS)
    a_job(database, jobs, "box-1", "here")
    a_job(database, jobs, "box-2", "here", JobState.FAILED)
    a_job(database, jobs, "box-3", "there")
    hosts.join(HERE, BEAT_SECONDS)
    attempts = {row.job.id: (row.job.host, row.job.attempt, row.job.state) for row in jobs.find()}
    assert attempts == {
        "box-1": ("here", 2, JobState.RUNNING),
        "box-2": ("here", 1, JobState.FAILED),
        "box-3": ("there", 1, JobState.RUNNING),
    }
    assert [job.id for job in HeldJobs(database).undispatched("here")] == ["box-1"]


def test_after_three_beats_of_silence_the_jobs_of_a_host_wait_for_another(
    database: Database, hosts: HostStore, jobs: JobStore
) -> None:
    for host in (HERE, THERE):
        hosts.join(host, BEAT_SECONDS)
        a_job(database, jobs, f"box-{host.name}", host.name)
    a_job(database, jobs, "box-queued", "there", JobState.QUEUED)
    a_job(database, jobs, "box-done", "there", JobState.SUCCEEDED)
    silence(database, "there", BEATS_UNTIL_LOST - 1)
    assert take_from_the_lost(database, hosts) == []
    silence(database, "there", BEATS_UNTIL_LOST + 1)
    assert take_from_the_lost(database, hosts) == ["box-queued", "box-there"]
    assert take_from_the_lost(database, hosts) == []
    after = jobs.get("box-there")
    assert (after.state, after.host, after.attempt) == (JobState.QUEUED, None, 2)
    assert jobs.get("box-here").host == "here"
    assert jobs.get("box-done").host == "there"


def test_a_host_that_comes_back_late_can_end_nothing(
    database: Database, hosts: HostStore, jobs: JobStore
) -> None:
    hosts.join(THERE, BEAT_SECONDS)
    a_job(database, jobs, "box-1", "there")
    silence(database, "there", BEATS_UNTIL_LOST + 1)
    assert take_from_the_lost(database, hosts) == ["box-1"]
    late, held = Hold("box-1", 1), HeldJobs(database)
    assert hosts.beat("there")  # it is back, and gets other jobs
    assert hosts.list()[0].alive
    before = jobs.show("box-1")
    assert not held.is_held(late)
    assert not held.begin_step(late, "collect")
    assert not held.note_step(late, "execute", "process, 1.0 s", ended=True)
    assert not jobs.move("box-1", JobState.SUCCEEDED, attempt=late.attempt)
    assert jobs.show("box-1") == before


def test_jobs_of_a_host_that_nobody_knows_go_on_elsewhere(
    database: Database, hosts: HostStore, jobs: JobStore
) -> None:
    hosts.join(HERE, BEAT_SECONDS)
    a_job(database, jobs, "box-1", "of an earlier release")
    assert take_from_the_lost(database, hosts) == ["box-1"]


def test_a_drained_host_stays_so_when_it_begins_again(hosts: HostStore) -> None:
    hosts.join(HERE, BEAT_SECONDS)
    hosts.drain("here", drained=True)
    hosts.join(HERE, BEAT_SECONDS)
    assert hosts.list()[0].drained
    hosts.drain("here", drained=False)
    assert not hosts.list()[0].drained


def test_only_a_host_that_is_silent_is_forgotten(
    database: Database, hosts: HostStore, jobs: JobStore
) -> None:
    hosts.join(HERE, BEAT_SECONDS)
    a_job(database, jobs, "box-1", "here")
    with pytest.raises(NotAllowed, match="heard of") as refused:
        hosts.remove("here")
    assert "drain it" in refused.value.advice
    silence(database, "here", BEATS_UNTIL_LOST + 1)
    assert hosts.remove("here") == 1
    assert jobs.get("box-1").host is None
    assert not hosts.beat("here")


def test_hosts_that_are_not_there_are_told(hosts: HostStore) -> None:
    for act in (lambda: hosts.drain("nobody", drained=True), lambda: hosts.remove("nobody")):
        with pytest.raises(NotFound, match="no host nobody"):
            act()


def test_the_clock_is_the_databases(database: Database) -> None:
    with database.read() as connection:
        told = connection.execute(sa.select(database.now())).scalar_one()
        again = connection.execute(sa.select(database.now())).scalar_one()
    assert 1.6e9 < told <= again + 1e-3  # to the millisecond: SQLite counts in days


def test_one_at_a_time_places_jobs(database: Database) -> None:
    """PostgreSQL tells a second one at once; of SQLite's writes, each is alone."""
    other = Database(database.url)
    try:
        with database.alone("placement") as mine:
            assert mine is not None
            if "sqlite" not in database.url:
                with other.alone("placement") as theirs:
                    assert theirs is None
                with other.alone("another task") as theirs:
                    assert theirs is not None
        with other.alone("placement") as theirs:
            assert theirs is not None
    finally:
        other.close()
