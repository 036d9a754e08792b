"""`ror jobs dead`, and what becomes of what is on it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ror.app import App
from ror.cli import cli
from ror.engine import HeldJobs, Hold
from ror.engine.retries import RETRIES, Kind, Retries
from ror.model import JobState
from ror.registry import Project
from tests.engine.test_jobs import a_job, create


class Installed:
    """A home folder with jobs in it, as the command line meets it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = App(folder)
        self.app.projects.add(Project("lungs"))
        self.app.projects.add(Project("heads"))

    def ror(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(self.folder), *words])

    def good(self, *words: str) -> str:
        result = self.ror(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def failed(self, key: str, project: str = "lungs") -> str:
        """A job whose program was out of memory three times."""
        job = a_job(key, key=key, project=project)
        create(self.app.database, self.app.jobs, job)
        self.app.jobs.move(job.id, JobState.RUNNING)
        held, hold = HeldJobs(self.app.database), Hold(job.id, 1)
        for _ in range(3):
            held.begin_step(hold, "execute")
            held.note_setback(
                hold, "execute", Kind.OUT_OF_MEMORY, "tries again: over", RETRIES[Kind.OUT_OF_MEMORY]
            )
        held.note_step(hold, "execute", "over 64 MiB", ended=True, well=False)
        self.app.jobs.move(job.id, JobState.FAILED, "over 64 MiB")
        log = self.app.home.job(job.id).log
        log.parent.mkdir(parents=True)
        log.write_text("".join(f"slice {number}\n" for number in range(1, 9)))
        return job.id

    def states(self) -> dict[str, str]:
        return {row.job.id: row.job.state.value for row in self.app.jobs.find()}


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path / "home")


def test_a_dead_letter_says_why_it_gave_up_on_what_and_what_its_program_said_last(
    installed: Installed,
) -> None:
    job_id = installed.failed("a")
    told = installed.good("jobs", "dead")
    assert f"{job_id}: gave up at execute" in told
    assert "try 3 after 2 × out of memory" in told
    assert "reason   over 64 MiB" in told
    assert "series   CT: 1.2" in told
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("  log ")] == list("45678")
    (letter,) = json.loads(installed.good("jobs", "dead", "--json"))
    assert (letter["id"], letter["step"], letter["tries"]) == (job_id, "execute", 3)
    assert (letter["log"][-1], letter["series"][0]["name"]) == ("slice 8", "CT")


def test_each_fault_of_a_dead_letter_has_a_line_of_its_own(installed: Installed) -> None:
    job = a_job()
    create(installed.app.database, installed.app.jobs, job)
    installed.app.jobs.move(
        job.id, JobState.FAILED, "the output is wrong:\n  no mask lungs\n  no field volume"
    )
    told = installed.good("jobs", "dead").splitlines()
    assert [line.split(maxsplit=1)[1] for line in told if line.startswith("  reason ")] == [
        "the output is wrong:",
        "no mask lungs",
        "no field volume",
    ]
    assert told[-1] == "1 dead letter: `ror jobs retry` tries it again"


@pytest.mark.parametrize("command", ["dead", "timings", "list"])
def test_who_asks_for_what_is_not_there_is_told_so(installed: Installed, command: str) -> None:
    assert "there is no project nope" in str(installed.ror("jobs", command, "--project", "nope").exception)
    if command != "list":
        said = installed.ror("jobs", command, "--workflow", "nope")
        assert (said.exit_code, str(said.exception)) == (1, "there is no workflow nope")


def test_jobs_are_listed_with_their_versions_and_whether_they_are_shadows(installed: Installed) -> None:
    for shadow in (False, True):
        job = dataclasses.replace(a_job(str(shadow), key=str(shadow)), shadow=shadow)
        create(installed.app.database, installed.app.jobs, job)
    rows = json.loads(installed.good("jobs", "list", "--json"))
    assert sorted((row["version"], row["shadow"]) for row in rows) == [("1.0", False), ("1.0", True)]
    assert "shadow" in installed.good("jobs", "list").splitlines()[1]  # the latest is the first


def test_only_what_gave_up_is_on_the_list(installed: Installed) -> None:
    for state in JobState:
        if state is not JobState.FAILED:
            job = a_job(state, key=state)
            create(installed.app.database, installed.app.jobs, job)
            installed.app.jobs.move(job.id, state)
    assert installed.good("jobs", "dead") == "0 dead letters\n"


def test_one_is_retried_by_its_id_several_by_workflow_or_all(installed: Installed) -> None:
    one, other, elsewhere = (
        installed.failed(key, project) for key, project in (("a", "lungs"), ("b", "lungs"), ("c", "heads"))
    )
    installed.good("jobs", "retry", one)
    assert installed.states() == {one: "queued", other: "failed", elsewhere: "failed"}
    installed.good("jobs", "retry", "--workflow", "box", "--project", "lungs")
    assert installed.states()[other] == "queued"
    assert installed.states()[elsewhere] == "failed"
    assert f"{elsewhere} is queued again" in installed.good("jobs", "retry", "--all")
    assert "no such job has failed" in installed.ror("jobs", "retry", "--all").output


@pytest.mark.parametrize(
    "words", [(), ("--all", "--workflow", "box"), ("box-1", "--all"), ("box-1", "--project", "lungs")]
)
def test_what_is_to_be_retried_is_said_in_one_way(installed: Installed, words: tuple[str, ...]) -> None:
    assert installed.ror("jobs", "retry", *words).exit_code == 2


def test_what_is_given_up_for_good_leaves_the_list(installed: Installed) -> None:
    job_id = installed.failed("a")
    installed.good("jobs", "cancel", job_id)
    assert installed.good("jobs", "dead") == "0 dead letters\n"


def test_a_job_that_waits_says_which_try_it_is_at_and_when_the_next_is(installed: Installed) -> None:
    job = a_job()
    create(installed.app.database, installed.app.jobs, job)
    installed.app.jobs.move(job.id, JobState.RUNNING)
    held, hold = HeldJobs(installed.app.database), Hold(job.id, 1)
    held.begin_step(hold, "deliver")
    told = "waiting: no answer"
    held.note_setback(hold, "deliver", Kind.NOT_THERE, told, Retries(None, 3600.0, 1.0, 3600.0))
    for words in (("jobs", "show", job.id), ("jobs", "why", job.id)):
        said = installed.good(*words)
        assert "try 2 after 1 × not there, the next at 20" in said
        assert told in said
