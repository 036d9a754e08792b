"""What fails is tried again as the table of `ror.engine.retries` says, whoever works on it, and then gives up."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import Ending, Outcome, Package, RunOrder
from containers.runtime import OnLine
from ror.db import Database
from ror.engine import Executor, HeldJobs, JobStore
from ror.engine.retries import RETRIES, Kind, Retries, kind_of, retries_of
from ror.engine.tries import Ended, Tries, _repeat, _try
from ror.errors import JobFailed, OutOfMemory, ProgramFailed, RorError, ServiceUnavailable
from ror.model import Job, JobFolder, JobState
from ror.results.errors import DeliveryRefused, RedcapUnavailable
from tests.engine.test_jobs import a_job, create, give, held, hold, jobs, made
from tests.engine.test_waiting import BOX, JOB, Ends

__all__ = ["held", "jobs"]  # fixtures

AWAY, KILLED = ServiceUnavailable("no answer"), OutOfMemory("over 64 MiB")


class Station:
    """Steps that end each time as told, then well."""

    def __init__(self, ends: Iterable[RorError] = ()) -> None:
        self._ends = list(ends)
        self.tried = 0

    def execute(self, job_id: str) -> str:
        self.tried += 1
        if self._ends:
            raise self._ends.pop(0)
        return "done"

    def collect(self, job_id: str) -> str:
        return self.execute(job_id)


def work(station: Callable[[str], str], held: HeldJobs, job: Job) -> list[float]:
    """Try it to its end, as the durable engine does; returns how long it has waited each time."""
    waits: list[float] = []
    tries = Tries(station, held, Path("/"), lambda: None)
    _repeat(lambda told, _failed: _try(tries, hold(job), told), waits.append)
    return waits


# -- the table --------------------------------------------------------------------------------------------------------


@given(st.sampled_from(list(RETRIES.values())), st.integers(1, 2000))
def test_waits_grow_and_have_an_end(retries: Retries, failed: int) -> None:
    assert 0 <= retries.wait_seconds(failed) <= retries.wait_seconds(failed + 1) <= retries.longest_seconds


def test_the_table_is_what_the_documents_say() -> None:
    assert {kind: retries.times for kind, retries in RETRIES.items()} == {
        Kind.NOT_THERE: None,
        Kind.HOST_LOST: 5,
        Kind.OUT_OF_MEMORY: 2,
        Kind.PROGRAM_FAILED: 0,
        Kind.FOR_GOOD: 0,
    }
    waits = {kind: [retries.wait_seconds(n) for n in (1, 2, 3, 100)] for kind, retries in RETRIES.items()}
    assert waits == {
        Kind.NOT_THERE: [1, 1.5, 2.25, 60],
        Kind.HOST_LOST: [0, 2, 4, 60],
        Kind.OUT_OF_MEMORY: [30, 60, 120, 600],
        Kind.PROGRAM_FAILED: [10, 20, 40, 600],
        Kind.FOR_GOOD: [0, 0, 0, 0],
    }


@pytest.mark.parametrize(
    ("fault", "kind", "times"),
    [
        (RedcapUnavailable("down"), Kind.NOT_THERE, None),
        (OutOfMemory("over"), Kind.OUT_OF_MEMORY, 2),
        (ProgramFailed("exit code 1"), Kind.PROGRAM_FAILED, 0),
        (ProgramFailed("exit code 1", retries=3), Kind.PROGRAM_FAILED, 3),
        (DeliveryRefused("no"), Kind.FOR_GOOD, 0),
        (JobFailed("ended after its time limit"), Kind.FOR_GOOD, 0),
    ],
)
def test_every_failure_is_of_a_kind(fault: RorError, kind: Kind, times: int | None) -> None:
    assert (kind_of(fault), retries_of(fault).times) == (kind, times)


def test_how_often_a_program_may_be_tried_survives_a_checkpoint() -> None:
    again = pickle.loads(pickle.dumps(ProgramFailed("exit code 1", "see the log", 3)))
    assert (str(again), again.advice, again.retries) == ("exit code 1", "see the log", 3)


@pytest.mark.parametrize(
    ("ending", "fault"),
    [(Ending.EXITED, ProgramFailed), (Ending.OUT_OF_MEMORY, OutOfMemory), (Ending.TIMED_OUT, JobFailed)],
)
def test_the_end_of_a_program_is_told_by_its_kind(
    tmp_path: Path, ending: Ending, fault: type[JobFailed]
) -> None:
    class Runs(Ends):
        def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
            return dataclasses.replace(super().run(order, on_line), ending=ending)

    folder = shutil.copytree(BOX, tmp_path / "box")
    manifest = folder / "workflow.toml"
    manifest.write_text(f"retries = 2\n{manifest.read_text()}")
    with pytest.raises(JobFailed) as failed:
        Executor(Runs(1), "here").execute(JOB, JobFolder(tmp_path / "job"), Package.load(folder), {})
    assert type(failed.value) is fault
    assert retries_of(failed.value).times == (0 if fault is JobFailed else 2)


# -- tries ------------------------------------------------------------------------------------------------------------


def test_what_only_waits_is_tried_until_it_is_there(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station([AWAY] * 40)
    waits = work(station.execute, held, job)
    assert (station.tried, len(waits), waits[:2], waits[-1]) == (41, 40, [1.0, 1.5], 60.0)
    (step,) = jobs.show(job.id).steps
    assert (step.tries, step.setbacks, step.detail, step.next_at) == (41, {"not there": 40}, "done", None)


def test_a_wait_is_told_with_its_reason_and_its_end(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = made(database, jobs, JobState.RUNNING)
    tries = Tries(Station([AWAY]).execute, held, Path("/"), lambda: None)
    assert _try(tries, hold(job), "") == ("no answer", 1.0)
    (step,) = jobs.show(job.id).steps
    assert (step.detail, step.tries, jobs.show(job.id).reason) == (
        "waiting: no answer",
        2,
        "waiting: no answer",
    )
    assert step.next_at is not None
    assert step.next_at >= step.started_at + 1.0


def test_a_program_that_is_out_of_memory_gets_two_more_tries(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station([KILLED] * 9)
    with pytest.raises(OutOfMemory):
        work(station.execute, held, job)
    (step,) = jobs.show(job.id).steps
    assert (station.tried, step.tries, step.detail) == (3, 3, "over 64 MiB")
    assert step.ended_at is not None


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_program_that_fails_gets_as_many_more_tries_as_its_manifest_says(
    database: Database, jobs: JobStore, held: HeldJobs, retries: int
) -> None:
    job, station = (
        made(database, jobs, JobState.RUNNING),
        Station([ProgramFailed("exit code 1", "", retries)] * 9),
    )
    with pytest.raises(ProgramFailed):
        work(station.execute, held, job)
    assert station.tried == retries + 1


def test_kinds_of_failure_are_counted_apart(database: Database, jobs: JobStore, held: HeldJobs) -> None:
    job = made(database, jobs, JobState.RUNNING)
    station = Station([KILLED, AWAY, ProgramFailed("exit code 1", "", 1), AWAY, KILLED])
    assert work(station.execute, held, job) == [30.0, 1.0, 10.0, 1.5, 60.0]
    assert jobs.show(job.id).steps[0].setbacks == {"out of memory": 2, "not there": 2, "program failed": 1}


def test_tries_are_counted_on_whoever_takes_the_job_up(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station([KILLED] * 9)
    for _worker in range(2):
        _try(Tries(station.execute, held, Path("/"), lambda: None), hold(job), "")
    with pytest.raises(OutOfMemory):
        _try(Tries(station.execute, held, Path("/"), lambda: None), hold(job), "")


def test_a_step_that_its_worker_dies_at_again_and_again_gives_up(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station()
    deaths = [begun.lost for _ in range(6) if (begun := held.begin_step(hold(job), "execute"))]
    assert deaths == [0, 1, 2, 3, 4, 5]
    with pytest.raises(JobFailed, match="was lost 6 times at the step execute"):
        work(station.execute, held, job)
    assert (station.tried, jobs.show(job.id).steps[0].ended_at is None) == (0, False)


def test_a_step_that_was_lost_once_goes_on_at_once_and_then_waits(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station()
    held.begin_step(hold(job), "execute")
    assert work(station.execute, held, job) == []
    for _death in range(2):
        held.begin_step(hold(job), "collect")
    tries = Tries(station.collect, held, Path("/"), lambda: None)
    told = "tries again: its worker, or host, was lost 2 times at this step"
    assert _try(tries, hold(job), "") == (told, 2.0)
    assert jobs.show(job.id).reason == told
    assert _try(tries, hold(job), told) is None


def test_a_worker_that_ends_in_good_order_loses_nothing(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = made(database, jobs, JobState.RUNNING)
    give(database, job, "here")
    for _restart in range(20):
        begun = held.begin_step(hold(job), "execute")
        assert begun is not None
        assert begun.lost == 0
        held.put_down("here")
    assert jobs.show(job.id).steps[0].tries == 1


def test_what_was_cancelled_meanwhile_is_not_tried_again(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = made(database, jobs, JobState.RUNNING)

    def execute(job_id: str) -> str:
        jobs.cancel(job_id)
        raise AWAY

    tries = Tries(execute, held, Path("/"), lambda: None)
    with pytest.raises(Ended):
        _try(tries, hold(job), "")
    with pytest.raises(Ended):
        _try(tries, hold(job), "")


def test_what_the_release_before_has_remembered_is_a_wait() -> None:
    answers, waits = ["no answer", "no answer", None], list[float]()
    _repeat(lambda _told, _failed: answers.pop(0), waits.append)
    assert waits == [1.0, 1.5]


# -- again ------------------------------------------------------------------------------------------------------------


def test_who_retries_a_job_gives_it_all_its_tries(database: Database, jobs: JobStore, held: HeldJobs) -> None:
    job, station = made(database, jobs, JobState.RUNNING), Station([KILLED] * 5)
    with pytest.raises(OutOfMemory):
        work(station.execute, held, job)
    jobs.move(job.id, JobState.FAILED, "over 64 MiB")
    jobs.retry(job.id)
    again = jobs.get(job.id)
    assert work(station.execute, held, again) == [30.0, 60.0]


def test_all_failed_jobs_of_a_project_or_workflow_are_retried_and_no_others(
    database: Database, jobs: JobStore
) -> None:
    failed = [
        made(database, jobs, JobState.FAILED, a_job(key, key=key, project=project)).id
        for key, project in (("a", "lungs"), ("b", "lungs"), ("c", "heads"))
    ]
    others = [state for state in JobState if state is not JobState.FAILED]
    for state in others:
        made(database, jobs, state, a_job(state, key=state))
    assert jobs.retry_failed(workflow="snr") == []
    assert set(jobs.retry_failed("lungs", "box")) == set(failed[:2])
    assert jobs.retry_failed() == failed[2:]
    assert jobs.retry_failed() == []
    assert sorted(row.job.state for row in jobs.find()) == sorted([*others, *[JobState.QUEUED] * 3])


def test_a_job_that_was_never_begun_has_nothing_to_count(database: Database, jobs: JobStore) -> None:
    job = a_job()
    create(database, jobs, job)
    assert jobs.show(job.id).steps == ()
