"""Jobs in the database find their hosts, and `why_it_waits` says what keeps one from it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from containers import Package
from containers.manifest import Resources
from ror.db import Database, tables
from ror.engine import Gpu, Host, HostStore, JobStore, Order, Placer, Priority, why_it_waits
from ror.errors import NotFound
from ror.model import Job, JobState

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
RESOURCES = {
    "small": Resources(memory_mib=1000, cpus=1.0),
    "seg": Resources(memory_mib=1000, cpus=1.0, gpu=True, gpu_memory_mib=16384),
    "either": Resources(memory_mib=1000, cpus=1.0, gpu=True, gpu_memory_mib=16384, cpu_fallback=True),
    "huge": Resources(memory_mib=500_000),
    "rare": Resources(memory_mib=1000, labels=("h100",)),
}
ALWAYS = (time_of_day(0), time_of_day(23, 59, 59, 999_999))
HOST = Host("here", slots=2, cpus=8.0, memory_mib=16384)
GPU_HOST = dataclasses.replace(HOST, name="cards", gpus=(Gpu("0", 16384), Gpu("1", 8192)))


def package(workflow: str, _digest: str) -> Package:
    if workflow not in RESOURCES:
        raise NotFound(f"the package {workflow} is gone")
    loaded = Package.load(BOX)
    manifest = loaded.manifest.model_copy(update={"resources": RESOURCES[workflow]})
    return dataclasses.replace(loaded, manifest=manifest)


Queue = Callable[..., str]


@pytest.fixture
def jobs(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture
def hosts(database: Database) -> HostStore:
    return HostStore(database)


@pytest.fixture
def queue(database: Database, jobs: JobStore) -> Queue:
    """Queue a job of a workflow; the first that is queued waits longest."""
    with database.write() as connection:
        for name in ("lungs", "heads"):
            connection.execute(tables.projects.insert().values(name=name, settings={}, created_at=0.0))

    def put(name: str, workflow: str = "small", project: str = "lungs", **values: object) -> str:
        job = Job(name, project, workflow, "1.0", "d" * 64, "P", "1.1", name, (), JobState.QUEUED)
        with database.write() as connection:
            jobs.create(connection, job)
            row = tables.jobs.update().where(tables.jobs.c.id == name)
            connection.execute(row.values({"attempt": 1} | values))
        return name

    return put


def placer(database: Database, order: Order | None = None) -> Placer:
    return Placer(database, HostStore(database), package, order or Order(ALWAYS))


def where(jobs: JobStore) -> dict[str, tuple[str | None, str | None]]:
    return {row.job.id: (row.job.host, row.job.gpu) for row in jobs.find()}


def test_jobs_get_hosts_and_cards(database: Database, hosts: HostStore, jobs: JobStore, queue: Queue) -> None:
    for host in (HOST, GPU_HOST):
        hosts.join(host, 10.0)
    queue("a"), queue("b", "seg"), queue("c", "seg"), queue("d", "either"), queue("e", "huge")
    assert placer(database).place(judge=False)
    assert where(jobs) == {
        "a": ("here", None),
        "b": ("cards", "0"),
        "c": (None, None),
        "d": (None, None),
        "e": (None, None),
    }
    assert placer(database).place(judge=False)  # nothing has changed
    assert where(jobs)["c"] == (None, None)
    jobs.cancel("b")
    assert placer(database).place(judge=False)
    assert where(jobs)["c"] == ("cards", "0")


def test_with_its_program_ended_a_job_holds_no_room(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(dataclasses.replace(HOST, slots=1), 10.0)
    now = time.time()
    queue("delivers", state=JobState.RUNNING, host="here", placed_at=now, released_at=now)
    queue("continues", released_at=now)
    queue("begins"), queue("waits")
    placer(database).place(judge=False)
    assert where(jobs) == {
        "delivers": ("here", None),
        "continues": ("here", None),
        "begins": ("here", None),
        "waits": (None, None),
    }


def test_a_job_whose_package_is_gone_is_placed_all_the_same_to_say_so(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(HOST, 10.0)
    queue("a", "gone")
    placer(database).place(judge=False)
    assert where(jobs) == {"a": ("here", None)}


def test_drained_and_silent_hosts_get_nothing(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    for name in ("drained", "silent"):
        hosts.join(dataclasses.replace(HOST, name=name), 10.0)
    hosts.drain("drained", drained=True)
    with database.write() as connection:
        silent = tables.hosts.update().where(tables.hosts.c.name == "silent")
        connection.execute(silent.values(beat_at=database.now() - 31.0))
    queue("a")
    placer(database).place(judge=True)
    assert where(jobs) == {"a": (None, None)}


def test_jobs_of_a_lost_host_are_placed_on_another_only_by_who_may_judge(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(HOST, 10.0)
    queue("a", state=JobState.RUNNING, host="lost", placed_at=1.0)
    hosts.join(dataclasses.replace(HOST, name="lost"), 10.0)  # its second life, so the second attempt
    with database.write() as connection:
        lost = tables.hosts.update().where(tables.hosts.c.name == "lost")
        connection.execute(lost.values(beat_at=database.now() - 31.0))
    placer(database).place(judge=False)
    assert where(jobs) == {"a": ("lost", None)}
    placer(database).place(judge=True)
    assert where(jobs) == {"a": ("here", None)}
    assert jobs.get("a").attempt == 3


def test_projects_that_have_used_more_lately_come_later(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(dataclasses.replace(HOST, slots=1), 10.0)
    now = time.time()
    used = {"placed_at": now - 600.0, "host_share": 1.0, "ended_at": now - 60.0, "released_at": now - 60.0}
    queue("before", state=JobState.SUCCEEDED, **used)
    queue("first"), queue("second", project="heads")
    placer(database).place(judge=False)
    assert where(jobs)["second"] == ("here", None)
    assert where(jobs)["first"] == (None, None)


# -- why --------------------------------------------------------------------------------------------------------------


def why(database: Database, jobs: JobStore, job_id: str, order: Order | None = None) -> str:
    order = order or Order(ALWAYS)
    placing = placer(database, order)
    job = jobs.get(job_id)
    return why_it_waits(job, placing.needs(job.workflow, job.package_digest), placing.seen(), order)


@pytest.mark.parametrize(
    ("workflow", "told"),
    [
        ("seg", "no host has a GPU with 16384 MiB"),
        ("huge", "no host has 500000 MiB of memory"),
        ("rare", "no host has the label h100"),
        ("small", "it starts at once"),
        ("either", "it starts at once"),
    ],
)
def test_what_no_host_has_is_told(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue, workflow: str, told: str
) -> None:
    hosts.join(dataclasses.replace(GPU_HOST, gpus=(Gpu("1", 8192),)), 10.0)
    assert why(database, jobs, queue("a", workflow)) == told


def test_what_each_host_lacks_is_told(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(HOST, 10.0)
    hosts.join(dataclasses.replace(GPU_HOST, gpus=(Gpu("1", 8192),)), 10.0)
    told = why(database, jobs, queue("a", "seg"))
    assert told == "no host suits: cards lacks a GPU with 16384 MiB; here lacks a GPU"


def test_that_nobody_is_there_is_told(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    queue("a")
    assert why(database, jobs, "a") == "no host has joined: start `ror serve` or `ror work`"
    hosts.join(HOST, 10.0)
    hosts.drain("here", drained=True)
    assert why(database, jobs, "a") == "all hosts that are there are drained: here (`ror hosts resume`)"
    with database.write() as connection:
        connection.execute(tables.hosts.update().values(beat_at=database.now() - 90.0))
    assert why(database, jobs, "a").startswith("no host is there; here was heard of 9")


def test_caps_hours_and_the_line_are_told(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(HOST, 10.0)
    now = time.time()
    queue("runs", state=JobState.RUNNING, host="here", placed_at=now)
    queue("a"), queue("b"), queue("c")
    capped = Order(ALWAYS, caps={"small": 1})
    assert why(database, jobs, "a", capped) == (
        "1 of its workflow are running, and its cap is 1 (engine.workflows.small.at_most)"
    )
    at = datetime.fromtimestamp(now)
    hours = time_of_day((at.hour + 2) % 24), time_of_day((at.hour + 3) % 24)
    off_peak = Order(hours, priorities={"small": Priority.OFF_PEAK})
    assert why(database, jobs, "a", off_peak) == f"off-peak hours begin at {hours[0]:%H:%M}"
    assert why(database, jobs, "a") == "it starts at once"
    assert why(database, jobs, "b").startswith("the hosts that suit are full; host here has room for it by ")
    assert why(database, jobs, "c") == "behind 2 of its workflow that wait longer"


@pytest.mark.parametrize(
    ("hours", "at", "within"),
    [("18-6", 20, True), ("18-6", 3, True), ("18-6", 12, False), ("1-5", 3, True), ("1-5", 6, False)],
)
def test_off_peak_hours_may_go_over_midnight(hours: str, at: int, within: bool) -> None:
    begin, end = (time_of_day(int(part)) for part in hours.split("-"))
    assert Order((begin, end)).is_off_peak(datetime(2026, 3, 2, at, 30).timestamp()) == within


def test_nobody_waits_while_it_is_looked_up_what_projects_have_used(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(HOST, 10.0)
    queue("a")
    asked: dict[str, bool] = {}  # and whether whoever wants to write had to wait

    def note(connection: sa.Connection, _cursor: Any, text: str, *_: Any) -> None:
        writes = connection.get_execution_options().get("preserve_rowcount", False)
        asked[text] = asked.get(text, False) or writes

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert placer(database).place(judge=False)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert where(jobs)["a"] == ("here", None)
    assert [locked for text, locked in asked.items() if "host_share" in text and "sum(" in text] == [False]
    assert any(locked for text, locked in asked.items() if text.startswith("UPDATE jobs"))


def test_a_job_whose_program_has_ended_waits_for_a_host_that_has_its_output(
    database: Database, hosts: HostStore, jobs: JobStore, queue: Queue
) -> None:
    hosts.join(dataclasses.replace(HOST, name="away", folder=False), 10.0)
    ran_on = {"placed_at": 10.0, "host_share": 0.5}
    queue("new"), queue("ran", released_at=50.0, **ran_on)
    placing = placer(database)
    assert placing.place(judge=False)
    assert where(jobs) == {"new": ("away", None), "ran": (None, None)}
    job = jobs.get("ran")
    needs = placing.needs(job.workflow, job.package_digest)
    told = why_it_waits(job, needs, placing.seen(), Order(ALWAYS))
    assert told == "no host has the home folder that hosts share, where its output is"
    hosts.join(HOST, 10.0)
    assert placing.place(judge=False)
    assert where(jobs) == {"new": ("away", None), "ran": ("here", None)}
    # What its project has used is where its program ran.
    with database.read() as connection:
        row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == "ran")).one()
    assert {name: getattr(row, name) for name in ran_on} == ran_on
