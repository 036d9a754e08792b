"""Two versions on the same series: what one of them has not done is told, and counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ror.app import App
from ror.comparison import compare
from ror.db import tables
from ror.errors import NotFound
from ror.model import Job, JobSeries, JobState
from ror.registry import InstalledWorkflow, Project
from tests.ror.conftest import PACKAGES


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A home with the workflow `box`, and a version 2.0.0 of it in its shadow."""
    app = App(tmp_path / "home")
    app.projects.add(Project("lungs"))
    app.workflows.add("lungs", PACKAGES / "box")
    shutil.copytree(PACKAGES / "box", tmp_path / "newer")
    manifest = tmp_path / "newer" / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('"1.0.0"', '"2.0.0"'))
    app.workflows.add("lungs", tmp_path / "newer", shadow=True)
    yield app
    app.close()


@pytest.fixture
def versions(app: App) -> tuple[InstalledWorkflow, InstalledWorkflow]:
    """The version in the shadow, and the current one."""
    old, new = app.workflows.versions("lungs", "box")
    return new, old


def ran(
    app: App, workflow: InstalledWorkflow, state: JobState, *, seconds: float = 0.0, match: str = "k"
) -> Job:
    """A job of a version in a state; where it took any seconds, its outputs were checked."""
    series = (JobSeries("CT", f"1.{match}", "1.1", "c"),)
    job = Job(
        f"box-{workflow.version}-{match}",
        *("lungs", "box", workflow.version, workflow.digest, "P", "1.1", match),
        series,
        JobState.QUEUED,
    )
    with app.database.write() as connection:
        app.jobs.create(connection, replace(job, shadow=workflow.shadow))
        connection.execute(
            tables.jobs.update().where(tables.jobs.c.id == job.id).values(state=state, detail="why")
        )
        for step, began, ended in (("execute", 100.0, 100.0 + seconds), ("collect", 200.0, 201.0)):
            if seconds:
                row = {"job_id": job.id, "step": step, "started_at": began, "ended_at": ended, "detail": ""}
                connection.execute(tables.job_steps.insert().values(row))
    return job


Versions = tuple[InstalledWorkflow, InstalledWorkflow]


def test_versions_that_have_not_both_run_cannot_be_compared(app: App, versions: Versions) -> None:
    new, old = versions
    ran(app, new, JobState.SUCCEEDED, seconds=5.0)
    ran(app, old, JobState.SUCCEEDED, seconds=5.0, match="other")
    with pytest.raises(NotFound, match="there is no match that both have run on") as told:
        compare(app, new, old)
    assert told.value.advice == "let both run on the studies that are held: ror jobs match --project lungs"


def test_a_job_that_failed_counts_and_says_why(app: App, versions: Versions) -> None:
    new, old = versions
    ran(app, new, JobState.FAILED)
    ran(app, old, JobState.SUCCEEDED, seconds=5.0)
    told = compare(app, new, old)
    assert [(one.version, one.jobs, one.failed, one.median_seconds) for one in told.versions] == [
        ("2.0.0", 1, 1, None),
        ("1.0.0", 1, 0, 5.0),
    ]
    assert (told.compared, told.left_out) == (0, ("box-2.0.0-k failed: why",))


def test_a_job_whose_folder_is_gone_says_so(app: App, versions: Versions) -> None:
    new, old = versions
    for workflow, seconds in ((new, 3.0), (old, 5.0)):
        ran(app, workflow, JobState.SUCCEEDED, seconds=seconds)
    told = compare(app, new, old)
    assert [one.median_seconds for one in told.versions] == [3.0, 5.0]
    assert told.left_out == ("box-2.0.0-k or box-1.0.0-k: its folder is gone",)


def test_jobs_in_the_shadow_replace_only_one_another(app: App, versions: Versions) -> None:
    new, old = versions
    current = ran(app, old, JobState.SUCCEEDED, seconds=5.0)
    shadow = replace(ran(app, new, JobState.SUCCEEDED, seconds=5.0), shadow=True)
    with app.database.write() as connection:
        assert app.jobs.supersede_finished(connection, replace(shadow, id="box-later")) == [shadow.id]
        assert app.jobs.supersede_finished(connection, replace(current, id="box-latest")) == [current.id]
