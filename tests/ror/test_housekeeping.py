"""What nothing needs any more goes when its time has come, and nothing that somebody needs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ror.app import App
from ror.cli import cli
from ror.config import HousekeepingSettings
from ror.db import tables
from ror.gateway import Received
from ror.housekeeping import Housekeeper, Nightly, Rules
from ror.housekeeping.rules import Candidate
from ror.model import JobState, StudyState
from ror.registry import Project
from tests.engine.test_jobs import a_job
from tests.support.studies import small_ct

DAY = 86400.0
NOW = 2_000_000_000.0
GIB = 2**30


def settings_of(**values: object) -> HousekeepingSettings:
    return HousekeepingSettings.model_validate(values)


# -- the rules --------------------------------------------------------------------------------------------------------


def gone(rules: Rules, *candidates: Candidate) -> list[str]:
    return [one.candidate.name for one in rules.removals(candidates)]


def test_what_is_too_old_goes_the_oldest_first() -> None:
    jobs = [
        Candidate("job", name, "p", "P", NOW - days * DAY) for name, days in (("a", 91), ("b", 99), ("c", 89))
    ]
    assert gone(Rules(settings_of(), NOW, 0), *jobs) == ["b", "a"]


def test_nothing_goes_that_is_kept_for_ever() -> None:
    kept = settings_of(job_days=0)
    old = [Candidate(kind, kind, "p", "P", 0.0) for kind in ("job", "dead letter", "study")]
    assert gone(Rules(kept, NOW, 0), *old) == []


def test_a_project_keeps_what_it_wants_for_as_long_as_it_wants() -> None:
    settings = settings_of(projects={"lungs": {"job_days": 1}, "heads": {"job_days": 0}})
    jobs = [Candidate("job", name, name, "P", NOW - 100 * DAY) for name in ("lungs", "heads", "hands")]
    assert gone(Rules(settings, NOW, 0), *jobs) == ["lungs", "hands"]
    young = [Candidate("job", name, name, "P", NOW - 2 * DAY) for name in ("lungs", "heads", "hands")]
    assert gone(Rules(settings, NOW, 0), *young) == ["lungs"]


def test_for_want_of_room_job_folders_go_first_then_studies_that_are_not_kept_for_ever() -> None:
    settings = settings_of(free_mib=4 * 1024, archive_days=50, projects={"heads": {"archive_days": 0}})
    there = [
        Candidate("study", "old study", "lungs", "P", NOW - 40 * DAY, GIB),
        Candidate("study", "study of heads", "heads", "P", NOW - 45 * DAY, GIB),
        Candidate("job", "job", "lungs", "P", NOW - 2 * DAY, GIB),
        Candidate("job", "older job", "lungs", "P", NOW - 3 * DAY, GIB),
        Candidate("job", "job of today", "lungs", "P", NOW - 0.5 * DAY, GIB),
        Candidate("dead letter", "dead letter", "lungs", "P", NOW - 80 * DAY, GIB),
    ]
    assert gone(Rules(settings, NOW, 4 * GIB), *there) == []
    assert gone(Rules(settings, NOW, 3 * GIB), *there) == ["older job"]
    assert gone(Rules(settings, NOW, 0), *there) == ["older job", "job", "old study"]


@given(st.lists(st.floats(0, 200), max_size=8), st.integers(0, 10), st.integers(0, 10))
def test_nothing_younger_than_a_day_goes_whatever_room_there_is(
    ages: list[float], free: int, want: int
) -> None:
    jobs = [Candidate("job", str(number), "p", "P", NOW - age * DAY, GIB) for number, age in enumerate(ages)]
    left = gone(Rules(settings_of(free_mib=want * 1024), NOW, free * GIB), *jobs)
    assert all(ages[int(name)] >= 1 - 1e-9 for name in left)
    assert all(str(number) in left for number, age in enumerate(ages) if age >= 91)


# -- in a home --------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A home with a project that keeps studies for ten days."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "ror.toml").write_text("[listener]\nreserve_mib = 0\n[housekeeping]\narchive_days = 10\n")
    opened = App(home)
    opened.projects.add(Project("lungs"))
    yield opened
    opened.close()


def job_that(app: App, state: JobState, days_ago: float = 365, key: str = "") -> str:
    """A job with a folder, which ended so long ago."""
    job = a_job(key or state, key=key or state)
    ended = time.time() - days_ago * DAY
    with app.database.write() as connection:
        app.jobs.create(connection, job)
        times = {"state": state, "created_at": ended, "ended_at": ended}
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(times))
    folder = app.home.job(job.id)
    folder.results.mkdir(parents=True)
    (folder.results / "seg.dcm").write_bytes(bytes(1000))
    folder.output.symlink_to("results")
    return job.id


def study_in(app: App, folder: Path) -> str:
    for file in small_ct(folder, slices=3):
        app.intake.receive(Received.from_file(file.read_bytes(), "CT"), "lungs")
    (study,) = app.index.studies()
    long_ago = time.time() - 365 * DAY
    update = tables.studies.update().values(state=StudyState.MATCHED, last_received_at=long_ago)
    with app.database.write() as connection:
        connection.execute(update)
    return study.study_uid


@pytest.mark.parametrize("state", list(JobState))
def test_only_folders_of_jobs_that_have_ended_for_good_go(app: App, state: JobState) -> None:
    job_id = job_that(app, state)
    for_good = state in (JobState.SUCCEEDED, JobState.SUPERSEDED, JobState.CANCELLED, JobState.REJECTED)
    done = Housekeeper(app).run(time.time())
    assert [one.candidate.name for one in done] == ([job_id] if for_good else [])
    assert app.home.job(job_id).root.exists() == (not for_good)
    assert app.jobs.get(job_id).state is state
    events = [one for one in app.who.audit.list() if one.action == "removed by housekeeping"]
    assert [job_id in one.detail for one in events] == ([True] if for_good else [])
    assert not list((app.home.jobs / ".removed").glob("*"))


def test_what_it_says_beforehand_is_what_it_does(app: App) -> None:
    for number in range(3):
        job_that(app, JobState.SUCCEEDED, 80 + 10 * number, f"key {number}")
    keeper, now = Housekeeper(app), time.time()
    told = keeper.due(now)
    assert len(told) == 2
    assert [one.candidate for one in keeper.run(now)] == [one.candidate for one in told]
    assert keeper.due(now) == []


def test_a_dead_letter_whose_results_nobody_has_got_stays_however_old(tmp_path: Path, app: App) -> None:
    (app.home.root / "ror.toml").write_text("[housekeeping]\nfailed_days = 1\n")
    refused, broken = job_that(app, JobState.FAILED), job_that(app, JobState.FAILED, key="broken")
    steps = [{"job_id": refused, "step": "deliver"}, {"job_id": broken, "step": "execute"}]
    with app.database.write() as connection:
        for step in steps:
            connection.execute(tables.job_steps.insert().values(started_at=0, detail="", **step))
    again = App(app.home.root)
    assert [one.candidate.name for one in Housekeeper(again).run(time.time())] == [broken]
    again.close()


def test_a_job_whose_folder_is_gone_begins_anew_when_it_is_retried(app: App) -> None:
    job_id = job_that(app, JobState.CANCELLED)
    Housekeeper(app).run(time.time())
    app.jobs.retry(job_id)
    job = app.jobs.get(job_id)
    assert (job.attempt, job.first_attempt) == (2, 2)


def test_a_job_whose_folder_is_gone_says_by_which_rule_and_when(app: App) -> None:
    job_id = job_that(app, JobState.SUCCEEDED)

    def shown(*words: str) -> str:
        return CliRunner().invoke(cli, ["--home", str(app.home.root), "jobs", "show", job_id, *words]).output

    folder = str(app.home.job(job_id).root)
    assert folder in shown()
    assert len(Housekeeper(app).run(time.time())) == 1
    assert folder not in shown()
    assert "folder   removed 2" in shown() and "by housekeeping: kept for 90 days" in shown()
    assert json.loads(shown("--json"))["folder_removed_at"] <= time.time()


def test_a_job_that_is_retried_while_the_house_is_kept_keeps_its_folder(app: App) -> None:
    job_id, keeper = job_that(app, JobState.CANCELLED), Housekeeper(app)
    (due,) = keeper.due(time.time())
    app.jobs.retry(job_id)
    assert not keeper._remove(due)
    assert app.home.job(job_id).results.is_dir()
    assert "removed by housekeeping" not in [one.action for one in app.who.audit.list()]


def test_an_old_study_goes_with_its_files_and_comes_in_again_when_it_is_sent(
    app: App, tmp_path: Path
) -> None:
    study_uid = study_in(app, tmp_path / "ct")
    (done,) = Housekeeper(app).run(time.time())
    assert (done.candidate.kind, done.candidate.name) == ("study", study_uid)
    assert app.index.studies() == []
    assert list(app.home.archive.rglob("*.dcm")) == []
    assert app.index.heal(app.home.archive, ["lungs"]) == 0
    # The process that has taken it in before remembers its series.
    for file in sorted((tmp_path / "ct").iterdir()):
        assert app.intake.receive(Received.from_file(file.read_bytes(), "CT"), "lungs").status == 0
    (again,) = app.index.studies()
    assert (again.study_uid, again.instances) == (study_uid, 3)


@pytest.mark.parametrize("state", list(JobState))
def test_a_study_that_a_job_may_still_need_stays(app: App, tmp_path: Path, state: JobState) -> None:
    study_uid = study_in(app, tmp_path / "ct")
    job_id = job_that(app, state, 0)
    series = [{"name": "CT", "series_uid": "1.2", "study_uid": study_uid, "content": "a"}]
    with app.database.write() as connection:
        connection.execute(tables.jobs.update().values(series=series))
    done_with = state in (JobState.SUCCEEDED, JobState.SUPERSEDED, JobState.CANCELLED, JobState.REJECTED)
    assert len(Housekeeper(app).run(time.time())) == int(done_with)
    assert app.home.job(job_id).root.exists()


def test_a_study_that_still_receives_stays(app: App, tmp_path: Path) -> None:
    study_in(app, tmp_path / "ct")
    with app.database.write() as connection:
        connection.execute(tables.studies.update().values(state=StudyState.RECEIVING))
    assert Housekeeper(app).run(time.time()) == []


def test_what_a_killed_process_has_set_aside_is_deleted_by_the_next(app: App) -> None:
    left = app.home.jobs / ".removed" / "of-a-killed-one"
    left.mkdir(parents=True)
    (left / "file").touch()
    Housekeeper(app).run(time.time())
    assert not left.exists()


def test_the_command_tells_and_removes(app: App) -> None:
    job_id = job_that(app, JobState.SUCCEEDED)

    def said(*words: str) -> str:
        return CliRunner().invoke(cli, ["--home", str(app.home.root), "housekeeping", *words]).output

    assert "1 would go" in said("--dry-run")
    (row,) = json.loads(said("--dry-run", "--json"))
    assert (row["what"], row["name"], row["why"]) == ("job", job_id, "kept for 90 days")
    assert app.home.job(job_id).root.exists()
    assert "1 removed" in said()
    assert "0 removed" in said()


def test_by_itself_it_begins_in_off_peak_hours_only_and_once_a_day(app: App) -> None:
    nightly = Nightly(app)
    job_that(app, JobState.SUCCEEDED)
    noon, night = (time.mktime((2040, 1, 2, hour, 0, 0, 0, 0, -1)) for hour in (12, 23))
    assert nightly.tick(noon) == 0
    assert nightly.tick(night) == 1
    job_that(app, JobState.SUCCEEDED, key="another")
    assert nightly.tick(night + 3600) == 0
    assert nightly.tick(night + DAY) == 1


def test_want_of_room_does_not_wait_for_the_night(app: App) -> None:
    job_that(app, JobState.SUCCEEDED, 2)
    more_than_there_is = shutil.disk_usage(app.home.root).total // 2**20
    (app.home.root / "ror.toml").write_text(f"[housekeeping]\nfree_mib = {more_than_there_is}\n")
    again = App(app.home.root)
    now = time.time()
    noon = now + (12 - time.localtime(now).tm_hour) * 3600
    assert Nightly(again).tick(noon) == 1
    again.close()
