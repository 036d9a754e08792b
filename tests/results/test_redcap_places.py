"""Each match has its place in REDCap, on both databases: always the same one, and never that of another match."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ror.db import Database, tables
from ror.engine import JobStore
from ror.model import Job, JobSeries, JobState
from ror.results import MeasurementStore, RedcapOccupied, RedcapPlaces, Row

_numbers = itertools.count()


@pytest.fixture
def new_job(database: Database) -> Callable[..., Job]:
    """Makes jobs of the project lungs, one for each call."""
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="lungs", settings={}, created_at=0.0))

    def make(match: str, workflow: str = "snr", state: JobState = JobState.RUNNING) -> Job:
        series = (JobSeries("image", match, "1.1", "c"),)
        job = Job(
            f"{workflow}-{next(_numbers)}", "lungs", workflow, "1", "d", "P", "1.1", match, series, state
        )
        with database.write() as connection:
            JobStore(database).create(connection, job)
        bring(database, job, state)
        return job

    return make


def bring(database: Database, job: Job, state: JobState) -> None:
    with database.write() as connection:
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(state=state))


def row(field: str = "snr", record: str = "P", event: str = "", **repeat: object) -> Row:
    return Row(record, event, field, 1.5, **repeat)  # type: ignore[arg-type]


def instance(places: RedcapPlaces, job: Job, one: Row | None = None, instrument: str = "images") -> int:
    """Where one row of a job is placed."""
    (placed,) = places.place(job, [one or row()], instrument)
    assert placed.repeat_instrument == instrument
    assert placed.repeat_instance is not None
    return placed.repeat_instance


@pytest.fixture
def places(database: Database) -> RedcapPlaces:
    return RedcapPlaces(database)


# -- repeat instances -------------------------------------------------------------------------------------------------


def test_the_first_match_is_instance_1_and_the_next_2(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    jobs = [new_job(f"1.{number}") for number in range(4)]
    assert [instance(places, job) for job in jobs] == [1, 2, 3, 4]
    assert [instance(places, job) for job in reversed(jobs)] == [4, 3, 2, 1]


def test_the_job_that_supersedes_another_has_its_instance(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    assert [instance(places, new_job(match)) for match in ("1.1", "1.2", "1.1", "1.2")] == [1, 2, 1, 2]


def test_each_record_event_and_instrument_counts_for_itself(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    first, second = new_job("1.1"), new_job("1.2")
    assert instance(places, first) == 1
    for other in (row(record="Q"), row(event="year_1_arm_1")):
        assert instance(places, second, other) == 1
    assert instance(places, second, instrument="scans") == 1
    assert instance(places, second) == 2


def test_all_rows_of_a_job_share_its_instance(places: RedcapPlaces, new_job: Callable[..., Job]) -> None:
    placed = places.place(new_job("1.1"), [row("a"), row("b"), row("a", record="Q")], "images")
    assert [one.repeat_instance for one in placed] == [1, 1, 1]


def test_an_instance_that_the_program_gave_is_kept(places: RedcapPlaces, new_job: Callable[..., Job]) -> None:
    lesion = row(repeat_instrument="lesion", repeat_instance=3)
    visit = row(repeat_instance=2)
    for match in ("1.1", "1.2"):
        assert places.place(new_job(match), [lesion, visit], "") == (lesion, visit)
    (placed,) = places.place(new_job("1.3"), [visit], "images")
    assert (placed.repeat_instrument, placed.repeat_instance) == ("images", 2)


def test_what_the_program_has_numbered_itself_is_left_to_it(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    job, given_one = new_job("1.1"), row(repeat_instrument="images", repeat_instance=1)
    assert [one.repeat_instance for one in places.place(job, [given_one, row()], "images")] == [1, 2]
    given_two = replace(given_one, repeat_instance=2)
    assert [one.repeat_instance for one in places.place(job, [given_two, row()], "images")] == [2, 3]


def test_an_instrument_that_the_program_names_needs_none_of_the_project(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    lesion = row(repeat_instrument="lesion")
    placed = [places.place(new_job(match), [lesion], "") for match in ("1.1", "1.2")]
    assert [one.repeat_instance for (one,) in placed] == [1, 2]


def test_a_match_has_one_instance_for_all_workflows(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    assert [instance(places, new_job(match)) for match in ("1.1", "1.2")] == [1, 2]
    others = [instance(places, new_job(match, "sharpness")) for match in ("1.2", "1.3", "1.1")]
    assert others == [2, 3, 1]
    assert instance(places, new_job("1.3")) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(asked=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), max_size=12))
def test_in_whatever_order_no_instance_is_that_of_two_matches(
    database: Database, places: RedcapPlaces, asked: list[tuple[str, int]]
) -> None:
    with database.write() as connection:
        insert = database.insert(tables.projects).values(name="any", settings={}, created_at=0.0)
        connection.execute(insert.on_conflict_do_nothing())
    record, found = f"record {next(_numbers)}", {}
    for workflow, match in asked:
        job = Job("j", "any", workflow, "1", "d", "P", "1.1", str(match), (), JobState.RUNNING)
        number = instance(places, job, row(record=record))
        assert found.setdefault((workflow, match), number) == number
    matches = {(number, match) for (_workflow, match), number in found.items()}
    assert len({number for number, _match in matches}) == len(matches)


def test_jobs_that_ask_at_once_get_an_instance_each(
    places: RedcapPlaces, new_job: Callable[..., Job]
) -> None:
    jobs = [new_job(f"1.{number % 6}") for number in range(12)]
    found: dict[str, int] = {}
    start = threading.Barrier(len(jobs))

    def ask(job: Job) -> None:
        start.wait()
        found[job.id] = instance(places, job)

    threads = [threading.Thread(target=ask, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_match = {
        job.match_key: {found[one.id] for one in jobs if one.match_key == job.match_key} for job in jobs
    }
    assert sorted(by_match.values(), key=min) == [{1}, {2}, {3}, {4}, {5}, {6}]


@pytest.mark.parametrize("given", [None, 7], ids=["an instance of the match", "one that programs give"])
def test_another_workflow_does_not_write_a_field_of_an_instance(
    places: RedcapPlaces, new_job: Callable[..., Job], database: Database, given: int | None
) -> None:
    one, other = new_job("1.1"), new_job("1.1", "sharpness")
    for job in (one, other):
        placed = places.place(job, [row(repeat_instance=given)], "images")
        MeasurementStore(database).replace(job, placed, [])
    for job, occupant in ((one, other), (other, one)):  # also if both have come so far at once
        with pytest.raises(RedcapOccupied) as refused:
            places.require_own_instances(job, placed)
        assert refused.value.occupied == {"snr": occupant.id}
    bring(database, one, JobState.FAILED)
    places.require_own_instances(other, placed)
    elsewhere = replace(placed[0], repeat_instance=8), replace(placed[0], field_name="noise")
    places.require_own_instances(one, elsewhere)


# -- the record itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def first(places: RedcapPlaces, new_job: Callable[..., Job]) -> Iterator[Job]:
    """A job that has written snr into the record P."""
    job = new_job("1.1")
    assert places.place(job, [row()], "") == (row(),)
    return job


def test_the_record_is_not_written_by_a_second_match(
    places: RedcapPlaces, new_job: Callable[..., Job], first: Job
) -> None:
    second = new_job("1.2")
    with pytest.raises(RedcapOccupied, match=f"snr of job {first.id}") as refused:
        places.place(second, [row("noise"), row()], "")
    assert refused.value.occupied == {"snr": first.id}
    assert "ror project change lungs --redcap-repeat-instrument NAME" in refused.value.advice
    assert places.place(first, [row("noise"), row()], "")  # nothing of the second was noted


def test_the_owner_of_a_record_and_its_successors_may_write_again(
    places: RedcapPlaces, new_job: Callable[..., Job], database: Database, first: Job
) -> None:
    for job in (first, new_job("1.1")):
        assert places.place(job, [row()], "") == (row(),)
    bring(database, first, JobState.SUPERSEDED)
    with pytest.raises(RedcapOccupied):
        places.place(new_job("1.2"), [row()], "")


@pytest.mark.parametrize("other", [row("noise"), row(record="Q"), row(event="year_1_arm_1")])
def test_other_fields_records_and_events_are_free(
    places: RedcapPlaces, new_job: Callable[..., Job], first: Job, other: Row
) -> None:
    assert places.place(new_job("1.2"), [other], "") == (other,)


@pytest.mark.parametrize("match", ["1.1", "1.2"])
def test_another_workflow_does_not_write_it_either(
    places: RedcapPlaces, new_job: Callable[..., Job], first: Job, match: str
) -> None:
    other = new_job(match, "sharpness")
    with pytest.raises(RedcapOccupied, match=f"snr of job {first.id}") as refused:
        places.place(other, [row()], "")
    assert "another workflow" in refused.value.advice
    assert places.place(other, [row("sharpness")], "") == (row("sharpness"),)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_failed_keeps_nobody_out(
    places: RedcapPlaces, new_job: Callable[..., Job], database: Database, first: Job, state: JobState
) -> None:
    bring(database, first, state)
    second = new_job("1.2")
    assert places.place(second, [row()], "") == (row(),)
    with pytest.raises(RedcapOccupied, match=second.id):
        places.place(first, [row()], "")


def test_of_jobs_that_write_at_once_one_writes(places: RedcapPlaces, new_job: Callable[..., Job]) -> None:
    jobs = [new_job(f"1.{number}") for number in range(6)]
    told: list[str] = []
    start = threading.Barrier(len(jobs))

    def ask(job: Job) -> None:
        start.wait()
        try:
            places.place(job, [row()], "")
        except RedcapOccupied as refused:
            told.append(refused.occupied["snr"])

    threads = [threading.Thread(target=ask, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 5
    assert len(set(told)) == 1


def test_what_stood_in_the_record_before_it_repeats_is_instance_1(
    places: RedcapPlaces, new_job: Callable[..., Job], first: Job
) -> None:
    second = new_job("1.2")
    with pytest.raises(RedcapOccupied):
        places.place(second, [row()], "")
    assert instance(places, second) == 2
    assert instance(places, first) == 1
