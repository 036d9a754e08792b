"""The hops of jobs: when each came to which place, from what is known of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ror.archive import Index
from ror.db import Database, tables
from ror.engine import HOPS, Hop, HopSummary, JobHops, JobStore, Matcher, Timings, summarised
from ror.errors import NotFound
from ror.registry import WorkflowStore
from tests.engine.test_match import BOX, receive, settle

# The fixtures of the tests of matching.
from tests.engine.test_match import index as index
from tests.engine.test_match import jobs as jobs
from tests.engine.test_match import matcher as matcher
from tests.engine.test_match import workflows as workflows


@pytest.fixture
def job(index: Index, workflows: WorkflowStore, matcher: Matcher) -> str:
    """A job of four images that came at 3, 4, 5 and 6 s, of a study that was settled at 101 s."""
    workflows.add("lungs", BOX)
    for number in range(4):
        receive(index, numbers=range(number, number + 1), now=3.0 + number)
    settle(index)
    (made,) = matcher.match("1.1")
    return made


def put(database: Database, table: sa.Table, **values: object) -> None:
    with database.write() as connection:
        connection.execute(table.insert().values(values))


def took(database: Database, job: str, step: str, began: float, ended: float | None) -> None:
    more = {"setbacks": {}} if "setbacks" in tables.job_steps.c else {}
    times = {"started_at": began, "ended_at": ended}
    put(database, tables.job_steps, job_id=job, step=step, detail="", **times, **more)


def made(database: Database, job: str, sop_uid: str) -> None:
    uids = {"sop_uid": sop_uid, "sop_class_uid": "1.2", "series_uid": "1.1.9", "study_uid": "1.1"}
    put(database, tables.results, job_id=job, kind="SEG", path="seg.dcm", made_at=1.0, **uids)


def delivered(database: Database, sop_uid: str, at: float, confirmed_at: float | None) -> None:
    shown = {"confirmed_at": confirmed_at, "confirmed_by": "C-FIND"}
    put(
        database,
        tables.deliveries,
        destination="pacs",
        sop_uid=sop_uid,
        delivered_at=at,
        times_sent=1,
        **shown,
    )


def queue_at(database: Database, at: float) -> None:
    """Let all jobs have been matched and queued at a time, instead of now."""
    with database.write() as connection:
        connection.execute(tables.arrivals.update().values(matched_at=at))
        connection.execute(tables.jobs.update().values(created_at=at))


def test_a_job_that_was_queued_tells_when_its_series_came(database: Database, job: str) -> None:
    hops = Timings(database).of(job)
    assert [one.hop for one in hops] == ["received", "filed", "settled", "matched", "queued"]
    assert hops[:3] == (Hop("received", 3.0, None), Hop("filed", 6.0, 3.0), Hop("settled", 101.0, 95.0))


def test_objects_that_come_later_change_nothing(database: Database, index: Index, job: str) -> None:
    before = Timings(database).of(job)
    receive(index, numbers=range(4, 6), now=500.0)
    assert Timings(database).of(job) == before


def test_a_job_that_was_recorded_tells_all_its_hops(database: Database, job: str) -> None:
    queue_at(database, 110.0)
    took(database, job, "stage", 120.0, 121.0)
    took(database, job, "execute", 121.0, 150.0)
    took(database, job, "record", 170.0, 171.0)
    made(database, job, "9.1")
    made(database, job, "9.2")
    delivered(database, "9.1", 155.0, 160.0)
    delivered(database, "9.2", 156.0, 158.0)
    hops = Timings(database).of(job)
    assert tuple(one.hop for one in hops) == HOPS
    assert [one.at for one in hops[4:]] == [110.0, 120.0, 150.0, 156.0, 160.0, 171.0]
    assert [one.seconds for one in hops[4:]] == [0.0, 10.0, 30.0, 6.0, 4.0, 11.0]


def test_what_one_destination_has_not_shown_is_not_confirmed(database: Database, job: str) -> None:
    made(database, job, "9.1")
    made(database, job, "9.2")
    delivered(database, "9.1", 155.0, 160.0)
    delivered(database, "9.2", 156.0, None)
    assert Timings(database).of(job)[-1].hop == "delivered"


def test_a_job_of_an_older_release_tells_what_is_known(database: Database, jobs: JobStore, job: str) -> None:
    with database.write() as connection:
        connection.execute(tables.arrivals.delete())
    took(database, job, "stage", 120.0, 121.0)
    assert [one.hop for one in Timings(database).of(job)] == ["queued", "started"]


def test_a_job_that_is_not_there_is_told(database: Database) -> None:
    with pytest.raises(NotFound, match="there is no job nobody"):
        Timings(database).of("nobody")


def test_jobs_are_found_by_workflow_project_and_time(database: Database, job: str) -> None:
    timings = Timings(database)
    queue_at(database, 110.0)

    def found(*words: object) -> list[str]:
        return [one.job_id for one in timings.find(*words)]  # type: ignore[arg-type]

    assert found() == found("box", "lungs", 110.0) == [job]
    assert found("snr") == found(None, "heads") == found(None, None, 110.5) == []


def test_only_what_has_ended_since_is_ended(database: Database, job: str) -> None:
    timings = Timings(database)
    assert timings.ended(0.0) == []
    with database.write() as connection:
        connection.execute(tables.jobs.update().values(ended_at=200.0))
    assert [one.job_id for one in timings.ended(200.0)] == [job]
    assert timings.ended(200.5) == []


def a_way(workflow: str, seconds: float, last: str = "recorded") -> JobHops:
    hops = (Hop("queued", 0.0, None), Hop("started", seconds, seconds), Hop(last, 3 * seconds, 2 * seconds))
    return JobHops("j", "lungs", workflow, "succeeded", 1.0, hops)


def test_hops_are_summed_up_by_workflow_in_their_order() -> None:
    ways = [a_way("box", float(number)) for number in range(1, 101)] + [a_way("snr", 5.0, "delivered")]
    assert summarised(ways) == [
        HopSummary("box", "started", 100, 50.5, pytest.approx(95.05), 100.0),
        HopSummary("box", "recorded", 100, 101.0, pytest.approx(190.1), 200.0),
        HopSummary("box", "whole", 100, 151.5, pytest.approx(285.15), 300.0),
        HopSummary("snr", "started", 1, 5.0, 5.0, 5.0),
        HopSummary("snr", "delivered", 1, 10.0, 10.0, 10.0),
    ]


def test_nothing_sums_up_to_nothing() -> None:
    assert summarised([]) == []
