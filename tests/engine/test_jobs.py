"""Jobs in the tables, on both databases: every change of state is in `JOB_TRANSITIONS`, or does not happen."""

from __future__ import annotations

import dataclasses
import itertools
import threading

import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine import HeldJobs, Hold, JobRow, JobStore
from ror.errors import NotAllowed, NotFound
from ror.model import JOB_TRANSITIONS, STEPS, Job, JobSeries, JobState, job_id
from ror.registry import AuditLog

STATES = list(JobState)


def a_job(content: str = "a", key: str = "key", project: str = "lungs") -> Job:
    series = (JobSeries("CT", "1.2", "1.1", content), JobSeries("MR", "1.3", "1.1", "m"))
    made = job_id("box", "d" * 64, key, series)
    return Job(made, project, "box", "1.0", "d" * 64, "P", "1.1", key, series, JobState.QUEUED)


@pytest.fixture
def jobs(database: Database) -> JobStore:
    with database.write() as connection:
        for name in ("lungs", "heads"):
            row = {"name": name, "settings": {}, "created_at": 0.0}
            connection.execute(tables.projects.insert().values(row))
    return JobStore(database)


@pytest.fixture
def held(database: Database) -> HeldJobs:
    return HeldJobs(database)


def hold(job: Job) -> Hold:
    return Hold(job.id, job.attempt)


def give(database: Database, job: Job, host: str) -> None:
    """As the placer does."""
    with database.write() as connection:
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(host=host))


def create(database: Database, jobs: JobStore, job: Job) -> bool:
    with database.write() as connection:
        return jobs.create(connection, job)


def bring(database: Database, job: Job, state: JobState) -> None:
    with database.write() as connection:
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(state=state))


def made(database: Database, jobs: JobStore, state: JobState, job: Job | None = None) -> Job:
    job = job or a_job()
    create(database, jobs, job)
    bring(database, job, state)
    return dataclasses.replace(job, state=state)


# -- made and found ---------------------------------------------------------------------------------------------------


def test_a_job_comes_back_as_it_was_made(database: Database, jobs: JobStore) -> None:
    job = a_job()
    assert create(database, jobs, job)
    assert jobs.get(job.id) == job
    row = jobs.show(job.id)
    assert (row.started_at, row.ended_at, row.image, row.superseded_by, row.steps) == (
        None,
        None,
        "",
        None,
        (),
    )


@pytest.mark.parametrize("state", STATES)
def test_the_same_content_is_the_same_job_whatever_its_state(
    database: Database, jobs: JobStore, state: JobState
) -> None:
    job = made(database, jobs, state)
    assert not create(database, jobs, a_job())
    assert jobs.get(job.id).state is state


def test_a_job_is_found_by_the_beginning_of_its_id(database: Database, jobs: JobStore) -> None:
    one, other = made(database, jobs, JobState.QUEUED), made(database, jobs, JobState.FAILED, a_job("b"))
    assert jobs.show(one.id[:12]).job == one
    with pytest.raises(NotFound, match="more than one job box-"):
        jobs.show("box-")
    for unknown in ("lung", "%", "_" * 5, one.id + "0"):
        with pytest.raises(NotFound, match="no job"):
            jobs.show(unknown)
    assert {row.job.id for row in jobs.find()} == {one.id, other.id}


def test_jobs_are_found_by_project_state_and_study(database: Database, jobs: JobStore) -> None:
    one = made(database, jobs, JobState.FAILED)
    two = made(database, jobs, JobState.QUEUED, a_job("b", project="heads"))

    def found(rows: list[JobRow]) -> set[str]:
        return {row.job.id for row in rows}

    assert found(jobs.find(project="lungs")) == {one.id}
    assert found(jobs.find(state=JobState.QUEUED)) == {two.id}
    assert found(jobs.find(study_uid="1.1")) == {one.id, two.id}
    assert found(jobs.find("lungs", JobState.QUEUED)) == set()


# -- the product of states --------------------------------------------------------------------------------------------


def test_every_state_has_its_line_in_the_table() -> None:
    assert set(JOB_TRANSITIONS) == set(JobState)


@pytest.mark.parametrize(("state", "to"), list(itertools.product(STATES, STATES)))
def test_a_job_moves_as_the_table_says_and_not_otherwise(
    database: Database, jobs: JobStore, state: JobState, to: JobState
) -> None:
    job = made(database, jobs, state)
    allowed = to in JOB_TRANSITIONS[state]
    assert jobs.move(job.id, to, "why") == allowed
    after = jobs.get(job.id)
    assert (after.state, after.detail) == ((to, "why") if allowed else (state, ""))


def test_moving_a_job_that_is_not_there_moves_nothing(jobs: JobStore) -> None:
    assert not jobs.move("nobody", JobState.RUNNING)


def test_of_two_that_end_a_job_one_is_first(database: Database, jobs: JobStore) -> None:
    job = made(database, jobs, JobState.RUNNING)
    ends = [JobState.SUCCEEDED, JobState.FAILED, JobState.SUPERSEDED]
    start, moved = threading.Barrier(len(ends)), []

    def end(state: JobState) -> None:
        start.wait()
        if jobs.move(job.id, state):
            moved.append(state)

    threads = [threading.Thread(target=end, args=(state,)) for state in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A finished job may still be superseded; nothing else follows an end. The threads tell of their moves in any order.
    first = set(moved) - {JobState.SUPERSEDED}
    assert len(moved) == len(set(moved)) and len(first) <= 1
    assert {jobs.get(job.id).state} == (set(moved) & {JobState.SUPERSEDED} or first)


@pytest.mark.parametrize("state", STATES)
def test_failed_and_cancelled_jobs_can_be_retried(
    database: Database, jobs: JobStore, state: JobState
) -> None:
    job = made(database, jobs, state)
    if state in (JobState.FAILED, JobState.CANCELLED):
        jobs.retry(job.id)
        after = jobs.show(job.id)
        assert (after.job.state, after.job.attempt, after.ended_at) == (JobState.QUEUED, 2, None)
    else:
        with pytest.raises(NotAllowed, match=f"is {state}"):
            jobs.retry(job.id)
        assert jobs.get(job.id) == job


@pytest.mark.parametrize("state", STATES)
def test_jobs_that_did_not_end_well_can_be_cancelled(
    database: Database, jobs: JobStore, state: JobState
) -> None:
    job = made(database, jobs, state)
    assert jobs.is_live(job.id) == (state in (JobState.QUEUED, JobState.RUNNING))
    if state in (JobState.QUEUED, JobState.RUNNING, JobState.REVIEW, JobState.FAILED):
        jobs.cancel(job.id)
        assert jobs.get(job.id).state is JobState.CANCELLED
    else:
        with pytest.raises(NotAllowed, match=f"is {state}"):
            jobs.cancel(job.id)
        assert jobs.get(job.id) == job


@pytest.mark.parametrize("state", STATES)
def test_jobs_in_review_and_rejected_ones_are_queued_again_when_they_are_accepted(
    database: Database, jobs: JobStore, state: JobState
) -> None:
    job = made(database, jobs, state)
    with database.write() as connection:
        released = jobs.requeue(connection, job.id)
    after = jobs.get(job.id)
    assert released == (state in (JobState.REVIEW, JobState.REJECTED))
    assert (after.state, after.attempt) == ((JobState.QUEUED, 2) if released else (state, 1))


def test_a_job_that_waits_for_a_decision_has_not_ended(database: Database, jobs: JobStore) -> None:
    job = made(database, jobs, JobState.RUNNING)
    assert jobs.move(job.id, JobState.REVIEW)
    assert jobs.show(job.id).ended_at is None
    assert jobs.move(job.id, JobState.REJECTED, "no lung in it")
    assert jobs.show(job.id).ended_at is not None


def test_unknown_jobs_are_told(jobs: JobStore) -> None:
    for act in (jobs.get, jobs.show, jobs.retry, jobs.cancel, jobs.is_live):
        with pytest.raises(NotFound, match="no job nobody"):
            act("nobody")


# -- superseded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_new_job_ends_the_unfinished_and_later_replaces_the_finished(
    database: Database, jobs: JobStore, state: JobState
) -> None:
    old, new = made(database, jobs, state), a_job("grown")
    others = [a_job("b", key="another match"), a_job("c", project="heads")]
    for one in (new, *others):
        create(database, jobs, one)
    with database.write() as connection:
        ended = jobs.supersede_others(connection, new)
    unfinished = state not in (JobState.SUCCEEDED, JobState.SUPERSEDED)
    assert ended == ([old.id] if unfinished else [])
    # Whatever it ended as, it may have delivered before.
    assert jobs.replaced_by(new) == [old.id]
    with database.write() as connection:
        jobs.supersede_finished(connection, new)
    assert jobs.get(old.id).state is JobState.SUPERSEDED
    if state is not JobState.SUPERSEDED:
        assert jobs.show(old.id).superseded_by == new.id
    assert {jobs.get(one.id).state for one in (new, *others)} == {JobState.QUEUED}


# -- dispatched, steps ------------------------------------------------------------------------------------------------


def test_each_attempt_is_dispatched_once_by_the_host_that_has_it(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = a_job()
    create(database, jobs, job)
    assert held.undispatched("here") == []
    give(database, job, "here")
    (given,) = held.undispatched("here")
    assert (given.id, given.host, given.attempt) == (job.id, "here", 1)
    assert held.undispatched("elsewhere") == []
    held.mark_dispatched(given)
    assert held.undispatched("here") == []
    jobs.cancel(job.id)
    jobs.retry(job.id)
    assert held.undispatched("here") == []  # it waits for a place, and may get another one
    give(database, job, "elsewhere")
    (again,) = held.undispatched("elsewhere")
    assert (again.id, again.attempt) == (job.id, 2)
    held.mark_dispatched(again)
    assert held.undispatched("elsewhere") == []


@pytest.mark.parametrize("state", STATES)
def test_only_live_jobs_are_dispatched(
    database: Database, jobs: JobStore, held: HeldJobs, state: JobState
) -> None:
    job = made(database, jobs, state)
    give(database, job, "here")
    live = state in (JobState.QUEUED, JobState.RUNNING)
    assert [one.id for one in held.undispatched("here")] == ([job.id] if live else [])


@pytest.mark.parametrize("state", STATES)
def test_who_has_a_job_no_longer_can_end_nothing(
    database: Database, jobs: JobStore, held: HeldJobs, state: JobState
) -> None:
    job = made(database, jobs, state)
    live = state in (JobState.QUEUED, JobState.RUNNING)
    assert held.is_held(hold(job)) == live == (held.begin_step(hold(job), "stage") is not None)
    with database.write() as connection:
        connection.execute(tables.jobs.update().values(attempt=2))
    before = jobs.show(job.id)
    assert not held.is_held(hold(job))
    assert not held.begin_step(hold(job), "execute")
    assert not held.note_step(hold(job), "stage", "late", ended=True)
    assert not any(jobs.move(job.id, to, "late", attempt=1) for to in JobState)
    assert jobs.show(job.id) == before


def test_with_its_program_ended_well_a_job_holds_nothing_until_it_runs_again(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    def released() -> bool:
        with database.read() as connection:
            return connection.execute(sa.select(tables.jobs.c.released_at)).scalar() is not None

    job = made(database, jobs, JobState.RUNNING)
    held.begin_step(hold(job), "execute")
    held.note_step(hold(job), "execute", "waiting: no Docker", ended=False)
    held.note_step(hold(job), "execute", "exit code 1", ended=True, well=False)
    assert not released()
    held.note_step(hold(job), "execute", "process, 1.0 s", ended=True)
    assert released()
    held.begin_step(hold(job), "collect")
    assert released()
    held.begin_step(hold(job), "execute")  # after a crash, which it was not checkpointed before
    assert not released()


def test_steps_are_told_in_their_order_with_their_times(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = made(database, jobs, JobState.RUNNING)
    for step in reversed(STEPS):
        held.begin_step(hold(job), step)
    held.note_step(hold(job), "stage", "waiting", ended=False)
    assert [step.step for step in jobs.show(job.id).steps] == list(STEPS)
    assert (jobs.show(job.id).steps[0].detail, jobs.show(job.id).steps[0].ended_at) == ("waiting", None)
    held.note_step(hold(job), "stage", "2 series", ended=True)
    first = jobs.show(job.id).steps[0]
    assert first.detail == "2 series"
    assert first.ended_at is not None
    assert first.ended_at >= first.started_at
    held.begin_step(hold(job), "stage")  # it runs again after a crash
    assert (jobs.show(job.id).steps[0].detail, jobs.show(job.id).steps[0].ended_at) == ("", None)


def test_a_job_that_waits_says_what_for_until_it_goes_on(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    job = made(database, jobs, JobState.RUNNING)
    assert jobs.show(job.id).reason == ""
    held.begin_step(hold(job), "stage")
    held.note_step(hold(job), "stage", "2 series", ended=True)
    assert jobs.show(job.id).reason == ""
    held.begin_step(hold(job), "execute")
    held.note_step(hold(job), "execute", "waiting: no Docker", ended=False)
    assert jobs.show(job.id).reason == "waiting: no Docker"
    jobs.cancel(job.id)
    assert jobs.show(job.id).reason == "cancelled on request"


def test_of_some_ids_those_that_there_are_are_known(database: Database, jobs: JobStore) -> None:
    job = made(database, jobs, JobState.FAILED)
    assert [row.job for row in jobs.known([job.id, job.id[:8], "nobody"])] == [job]
    assert jobs.known([]) == []


def test_what_ran_it_is_recorded(database: Database, jobs: JobStore) -> None:
    job = made(database, jobs, JobState.RUNNING)
    jobs.set_image(job.id, "docker:ror/box:1", "sha256:ab")
    assert (jobs.show(job.id).image, jobs.show(job.id).image_digest) == ("docker:ror/box:1", "sha256:ab")


def test_whatever_a_program_says_last_can_be_the_reason(
    database: Database, jobs: JobStore, held: HeldJobs
) -> None:
    """PostgreSQL keeps no NUL and no half of a surrogate pair in a text; programs print both."""
    job = made(database, jobs, JobState.RUNNING)
    held.begin_step(hold(job), "execute")
    held.note_step(hold(job), "execute", "bad \0 byte \udc80", ended=True)
    assert jobs.move(job.id, JobState.FAILED, "bad \0 byte \udc80")
    assert "bad " in jobs.get(job.id).detail
    assert "bad " in jobs.show(job.id).steps[0].detail


# -- on record --------------------------------------------------------------------------------------------------------


def test_who_has_retried_or_cancelled_a_job_is_on_record_and_what_was_refused_is_not(
    database: Database, jobs: JobStore
) -> None:
    one, two = (made(database, jobs, JobState.FAILED, a_job(content)) for content in "ab")
    jobs.retry(one.id[:12])
    assert jobs.retry_failed("lungs") == [two.id]
    jobs.cancel(two.id)
    with pytest.raises(NotAllowed):
        jobs.retry(one.id)
    with pytest.raises(NotAllowed):
        jobs.cancel(two.id)
    told = [
        (event.action, event.project, event.pseudonym, event.detail) for event in AuditLog(database).list()
    ]
    assert told == [
        ("cancel job", "lungs", "P", f"job {two.id}"),
        ("retry job", "lungs", "P", f"job {two.id}"),
        ("retry job", "lungs", "P", f"job {one.id}"),
    ]
