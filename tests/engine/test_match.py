"""Studies and the jobs that they give, on both databases: each match is queued once, also when asked for again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import select_lang
from ror.archive import Catalogue, Index, StudyRemover
from ror.archive.attributes import Description
from ror.archive.store import Filed
from ror.db import Database
from ror.engine import JobStore, Matcher, forget_jobs, jobs_on
from ror.errors import NotAllowed, NotFound
from ror.model import JobState, StudyState
from ror.registry import Project, ProjectStore, WorkflowStore
from select_lang.classification import Classifier

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
WHERE_ASKED = "`ror jobs match 1.1` queues it"


@pytest.fixture
def index(database: Database, tmp_path: Path) -> Index:
    for project in ("lungs", "heads"):
        ProjectStore(database, tmp_path / "secrets").add(Project(project))
    return Index(database)


@pytest.fixture
def workflows(database: Database, tmp_path: Path) -> WorkflowStore:
    return WorkflowStore(database, tmp_path / "packages")


@pytest.fixture
def jobs(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture
def matcher(database: Database, index: Index, workflows: WorkflowStore, jobs: JobStore) -> Matcher:
    catalogue = Catalogue(database, lambda _project: Classifier.shipped())
    return Matcher(database, index, catalogue, workflows, jobs)


def receive(index: Index, study: str = "1.1", *, numbers: range = range(4), now: float = 0.0) -> None:
    """Let a CT series arrive, whose study belongs to the project lungs."""
    for number in numbers:
        sop_uid = f"{study}.2.{number}"
        one = Description(
            "P", study, f"{study}.2", sop_uid, "1.2.840.10008.5.1.4.1.1.2", {"Modality": ["CT"]}
        )
        index.add("lungs", one, Filed(f"lungs/{sop_uid}.dcm", f"{number:02x}" * 32, new=True), "", now)


def settle(index: Index) -> None:
    index.settle(1.0, now=101.0)


def newer(folder: Path, version: str = "1.1.0") -> Path:
    """The package `box` in a version of its own."""
    shutil.copytree(BOX, folder)
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('"1.0.0"', f'"{version}"'))
    return folder


CLOSEST = (
    "select study where series named FIRST has SeriesNumber = 1 "
    "also where series named NEAR has SeriesNumber = 2 closest to FIRST by StudyDate"
)


def wanting(folder: Path, select: str) -> Path:
    """A package that makes nothing of what a statement selects."""
    shutil.copytree(BOX, folder)
    manifest = (folder / "workflow.toml").read_text(encoding="utf-8").split("[[outputs")[0]
    lines = [line for line in manifest.splitlines() if not line.startswith("select")]
    text = "\n".join(lines).replace("[resources]", f"select = '''{select}'''\n[resources]")
    text = text.replace('name = "box"', f'name = "{folder.name}"', 1)
    (folder / "workflow.toml").write_text(text, encoding="utf-8")
    return folder


def receive_numbered(index: Index, study: str, number: str, date: str) -> None:
    attributes = {"Modality": ["MR"], "SeriesNumber": [number], "StudyDate": [date]}
    one = Description("P", study, f"{study}.2", f"{study}.2.1", "1.2.840.10008.5.1.4.1.1.4", attributes)
    index.add("lungs", one, Filed(f"lungs/{study}.2.1.dcm", "ab" * 32, new=True), "", 0.0)


# -- what is still on its way -----------------------------------------------------------------------------------------

PAIR = (
    "select study where series named ONE has SeriesNumber = 1 "
    "also where series named TWO has SeriesNumber = 2 also where series named MORE has SeriesNumber = 3 optional"
)


def test_a_study_that_has_one_of_two_series_lacks_the_other(
    index: Index, workflows: WorkflowStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", wanting(tmp_path / "pair", PAIR))
    receive_series(index, "1.1", "1")
    assert matcher.lacking("1.1") == "TWO of pair"
    receive_series(index, "1.1", "2")
    assert matcher.lacking("1.1") == ""


def test_a_study_lacks_nothing_that_no_workflow_has_begun_to_find_in_it(
    index: Index, workflows: WorkflowStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", wanting(tmp_path / "pair", PAIR))
    workflows.add("lungs", wanting(tmp_path / "near", CLOSEST))
    receive_series(index, "1.1", "3")
    assert matcher.lacking("1.1") == ""  # only what is optional is there
    receive_series(index, "1.2", "7")
    assert matcher.lacking("1.2") == ""
    workflows.disable("lungs", "pair")
    receive_series(index, "1.3", "1")
    assert matcher.lacking("1.3") == ""  # `near` may find in another study what this one has not


def receive_series(index: Index, study: str, number: str) -> None:
    attributes = {"Modality": ["MR"], "SeriesNumber": [number]}
    uid = f"{study}.2.{number}"
    one = Description("P", study, uid, f"{uid}.1", "1.2.840.10008.5.1.4.1.1.4", attributes)
    index.add("lungs", one, Filed(f"lungs/{uid}.1.dcm", "ab" * 32, new=True), "", 0.0)


# -- across studies ---------------------------------------------------------------------------------------------------


def test_a_study_that_comes_later_may_complete_and_change_the_job_of_an_earlier_one(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", wanting(tmp_path / "near", CLOSEST))
    receive_numbered(index, "1.1", "1", "20200101")
    settle(index)
    assert matcher.match_settled() == []
    receive_numbered(index, "1.2", "2", "20210101")
    settle(index)
    (far,) = matcher.match_settled()
    assert [one.series_uid for one in jobs.get(far).series] == ["1.1.2", "1.2.2"]
    receive_numbered(index, "1.3", "2", "20200201")
    settle(index)
    (near,) = matcher.match_settled()
    assert [one.series_uid for one in jobs.get(near).series] == ["1.1.2", "1.3.2"]
    assert jobs.get(far).state is JobState.SUPERSEDED


def test_a_job_is_made_anew_where_the_study_of_the_one_that_replaced_it_was_withdrawn(
    database: Database,
    index: Index,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    tmp_path: Path,
) -> None:
    workflows.add("lungs", wanting(tmp_path / "near", CLOSEST))
    for study, number, date in (("1.1", "1", "20200101"), ("1.2", "2", "20210101")):
        receive_numbered(index, study, number, date)
    settle(index)
    (far,) = matcher.match_settled()
    receive_numbered(index, "1.3", "2", "20200201")
    settle(index)
    matcher.match_settled()
    with database.write() as connection:
        forget_jobs(connection, jobs_on(connection, "lungs", ["1.3"]))
    StudyRemover(database, tmp_path / "archive").remove("1.3", lambda _connection: None)
    (again,) = matcher.match_again(["1.1"])[0].jobs
    assert [one.series_uid for one in jobs.get(again).series] == ["1.1.2", "1.2.2"]
    assert set(jobs.replaced_by(jobs.get(again))) == {far}


def test_only_the_latest_study_of_a_patient_is_wanted_where_the_statement_says_so(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", wanting(tmp_path / "last", "select study from latest study where Modality = MR"))
    receive_numbered(index, "1.1", "1", "20200101")
    receive_numbered(index, "1.2", "1", "20190101")
    settle(index)
    (queued,) = matcher.match_settled()
    assert jobs.get(queued).study_uid == "1.1"
    (verdict,) = matcher.why("1.2")
    assert verdict.job == queued


def test_a_fault_of_ours_in_one_statement_keeps_no_study_from_the_other_workflows(
    index: Index,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workflows.add("lungs", wanting(tmp_path / "first", "select patient where Modality = CT"))
    workflows.add("lungs", wanting(tmp_path / "other", "select series where Modality = CT"))
    evaluate = select_lang.evaluate

    def faulty(statement: select_lang.Statement, catalogue: list[select_lang.Series]) -> object:
        if statement.level is select_lang.Level.PATIENT:
            raise OverflowError("a fault of ours")
        return evaluate(statement, catalogue)

    monkeypatch.setattr(select_lang, "evaluate", faulty)
    receive(index)
    settle(index)
    (queued,) = matcher.match_settled()
    assert jobs.get(queued).match_key == "1.1.2"
    assert "could not be asked about study 1.1" in caplog.text and "OverflowError" in caplog.text


# -- matched once -----------------------------------------------------------------------------------------------------


def test_a_settled_study_gives_its_jobs_once(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (queued,) = matcher.match_settled()
    assert matcher.match_settled() == []
    assert jobs.get(queued).state is JobState.QUEUED
    assert index.state("1.1") is StudyState.MATCHED


def test_a_disabled_workflow_wants_nothing(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    workflows.disable("lungs", "box")
    receive(index)
    settle(index)
    assert (matcher.match_settled(), matcher.why("1.1"), jobs.find()) == ([], [], [])


# -- matched again ----------------------------------------------------------------------------------------------------


def test_a_workflow_that_came_later_gets_a_matched_study_when_that_is_asked_for(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    receive(index)
    settle(index)
    assert matcher.match_settled() == []
    workflows.add("lungs", BOX)
    assert matcher.match_settled() == []
    (again,) = matcher.match_again(["1.1"])
    (queued,) = again.jobs
    assert [row.job.id for row in jobs.find(state=JobState.QUEUED)] == [
        queued
    ]  # which the engine hands to DBOS
    assert (again.reason, index.state("1.1")) == ("", StudyState.MATCHED)


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.SUPERSEDED])
def test_a_job_that_is_there_is_not_made_twice(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, state: JobState
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (queued,) = matcher.match_settled()
    for before in {
        JobState.SUCCEEDED: [JobState.RUNNING],
        JobState.REVIEW: [JobState.RUNNING],
        JobState.REJECTED: [JobState.RUNNING, JobState.REVIEW],
    }.get(state, []):
        jobs.move(queued, before)
    jobs.move(queued, state)
    (again,) = matcher.match_again(["1.1"])
    assert again.jobs == ()
    assert "`ror jobs why 1.1`" in again.reason
    assert [(row.job.id, row.job.state) for row in jobs.find()] == [(queued, state)]


def test_the_job_of_a_newer_version_ends_the_unfinished_one_of_the_older(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (old,) = matcher.match_settled()
    workflows.add("lungs", newer(tmp_path / "newer"))
    (again,) = matcher.match_again(["1.1"])
    assert jobs.get(old).state is JobState.SUPERSEDED
    assert jobs.get(again.jobs[0]).version == "1.1.0"


# -- an older version is the current one again ------------------------------------------------------------------------


def run(jobs: JobStore, database: Database, job_id: str) -> None:
    """As the engine does with a job that nothing is wrong with."""
    jobs.move(job_id, JobState.RUNNING)
    with database.write() as connection:
        jobs.supersede_finished(connection, jobs.get(job_id))
    jobs.move(job_id, JobState.SUCCEEDED)


@pytest.fixture
def taken_over(
    database: Database,
    index: Index,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    tmp_path: Path,
) -> tuple[str, str]:
    """The finished jobs of version 1.0.0, and of 1.1.0 that has replaced it, on the study 1.1."""
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (old,) = matcher.match_settled()
    run(jobs, database, old)
    workflows.add("lungs", newer(tmp_path / "newer"))
    new = matcher.match("1.1", again=True)[0]
    run(jobs, database, new)
    return old, new


def test_an_older_version_that_is_promoted_takes_back_what_the_newer_one_has_replaced(
    database: Database,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    taken_over: tuple[str, str],
) -> None:
    old, new = taken_over
    workflows.promote("lungs", "box", "1.0.0")
    assert "`ror jobs match 1.1` queues it" in matcher.why("1.1")[0].reason
    (back,) = matcher.match_again(["1.1"])[0].jobs
    assert back not in (old, new)
    assert (jobs.get(back).version, jobs.get(back).state) == ("1.0.0", JobState.QUEUED)
    assert set(jobs.replaced_by(jobs.get(back))) == {old, new}  # whose results its own replace
    assert jobs.get(new).state is JobState.SUCCEEDED  # until there are others
    assert matcher.match_again(["1.1"])[0].jobs == ()

    run(jobs, database, back)
    assert (jobs.get(new).state, jobs.show(new).superseded_by) == (JobState.SUPERSEDED, back)
    assert [one.job for one in matcher.why("1.1")] == [back]
    assert matcher.match_again(["1.1"])[0].jobs == ()


def test_versions_may_be_promoted_by_turns(
    database: Database,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    taken_over: tuple[str, str],
) -> None:
    made = [*taken_over]
    for version in ("1.0.0", "1.1.0", "1.0.0"):
        workflows.promote("lungs", "box", version)
        (job,) = matcher.match_again(["1.1"])[0].jobs
        run(jobs, database, job)
        made.append(job)
    states = {row.job.id: row.job.state for row in jobs.find()}
    assert len(set(made)) == len(states) == 5
    assert [one for one, state in states.items() if state is JobState.SUCCEEDED] == [made[-1]]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.FAILED, JobState.CANCELLED])
def test_what_a_newer_version_has_not_finished_is_ended_by_the_older_one_that_is_promoted(
    database: Database,
    index: Index,
    workflows: WorkflowStore,
    jobs: JobStore,
    matcher: Matcher,
    tmp_path: Path,
    state: JobState,
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (old,) = matcher.match_settled()
    run(jobs, database, old)
    workflows.add("lungs", newer(tmp_path / "newer"))
    (new,) = matcher.match_again(["1.1"])[0].jobs
    if state is not JobState.QUEUED:
        jobs.move(new, state)  # perhaps after it has delivered
    workflows.promote("lungs", "box", "1.0.0")
    (back,) = matcher.match_again(["1.1"])[0].jobs
    assert (jobs.get(new).state, jobs.get(old).state) == (JobState.SUPERSEDED, JobState.SUCCEEDED)
    assert set(jobs.replaced_by(jobs.get(back))) == {old, new}
    assert matcher.match_again(["1.1"])[0].jobs == ()


def test_versions_in_the_shadow_replace_nothing_of_one_another(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", BOX)
    for number in ("1.1.0", "1.2.0"):
        workflows.add("lungs", newer(tmp_path / number, number), shadow=True)
    receive(index)
    settle(index)
    assert len(matcher.match_settled()) == 3
    assert {row.job.state for row in jobs.find()} == {JobState.QUEUED}
    assert matcher.match_again(["1.1"])[0].jobs == ()


def test_some_studies_are_matched_at_a_time_so_that_jobs_of_the_first_can_begin(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    for study in ("1.1", "1.2", "1.3"):
        receive(index, study=study)
    settle(index)
    for left, matched in ((True, 2), (False, 3), (False, 3)):
        assert (matcher.match_some(2), len(jobs.find())) == (left, matched)


def test_a_study_that_waits_to_be_matched_is_matched_at_once(
    index: Index, workflows: WorkflowStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    (again,) = matcher.match_again(["1.1"])
    assert len(again.jobs) == 1
    assert matcher.match_settled() == []


def test_a_study_that_still_receives_is_left_to_settle(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    (again,) = matcher.match_again(["1.1"])
    assert (again.jobs, jobs.find(), index.state("1.1")) == ((), [], StudyState.RECEIVING)
    assert "still receives" in again.reason
    with pytest.raises(NotAllowed, match="still receives"):
        matcher.match("1.1", again=True)


def test_a_study_that_is_not_there_is_told_before_anything_is_queued(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    settle(index)
    with pytest.raises(NotFound, match=r"no study 9\.9"):
        matcher.match_again(["1.1", "9.9"])
    assert jobs.find() == []


# -- why --------------------------------------------------------------------------------------------------------------


def test_why_tells_a_job_that_is_there_from_one_that_is_not_queued(
    index: Index, workflows: WorkflowStore, jobs: JobStore, matcher: Matcher, tmp_path: Path
) -> None:
    workflows.add("lungs", BOX)
    receive(index)
    (receiving,) = matcher.why("1.1")
    assert (receiving.state, "still receives" in receiving.reason) == (None, True)
    settle(index)
    (settled,) = matcher.why("1.1")
    assert (settled.state, "waits to be matched" in settled.reason) == (None, True)
    (queued,) = matcher.match_settled()
    (there,) = matcher.why("1.1")
    assert (there.job, there.state, there.reason) == (queued, JobState.QUEUED, "")
    jobs.move(queued, JobState.FAILED, "no lungs in it")
    assert matcher.why("1.1")[0].reason == "no lungs in it"

    workflows.add("lungs", newer(tmp_path / "newer"))
    (later,) = matcher.why("1.1")
    assert (later.version, later.state) == ("1.1.0", None)
    assert WHERE_ASKED in later.reason
    with pytest.raises(NotFound):
        jobs.get(later.job)
    (again,) = matcher.match_again(["1.1"])
    assert again.jobs == (later.job,)


def test_why_says_which_rule_found_nothing(index: Index, workflows: WorkflowStore, matcher: Matcher) -> None:
    workflows.add("lungs", BOX)
    receive(index, numbers=range(2))
    (none,) = matcher.why("1.1")
    assert (none.job, none.state) == ("", None)
    assert "NumImages" in none.reason
