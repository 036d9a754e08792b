"""A database has one home folder: another one would take the jobs of the first, and fail them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from click.testing import CliRunner

from ror.app import App
from ror.cli import cli
from ror.errors import ConfigurationError
from ror.registry import Project
from ror.service import Service
from tests.ror.conftest import PACKAGES

START = (Service.serve, Service.work)
Start = Callable[[App], AbstractContextManager[Service]]


def app_on(url: str, folder: Path) -> App:
    folder.mkdir(exist_ok=True)
    settings = (
        f'[database]\nurl = "{url}"\n[listener]\nhost = "127.0.0.1"\nport = 0\n[engine]\nruntime = "process"'
    )
    (folder / "ror.toml").write_text(settings)
    return App(folder)


@pytest.fixture
def first(database_url: str, tmp_path: Path) -> App:
    """The home that the projects of the database were made in."""
    app = app_on(database_url, tmp_path / "first")
    app.projects.add(Project("lungs"))
    app.workflows.add("lungs", PACKAGES / "box")
    return app


@pytest.mark.parametrize("start", START)
def test_a_second_home_on_the_same_database_does_not_start(
    first: App, database_url: str, tmp_path: Path, start: Start
) -> None:
    second = app_on(database_url, tmp_path / "second")
    with (
        pytest.raises(ConfigurationError, match="knows what is not in the home folder") as refused,
        start(second),
    ):
        pass
    (version,) = first.workflows.list()
    assert refused.value.faults == (
        "the secret of project lungs",
        f"the package of workflow box 1.0.0 ({version.digest[:12]})",
    )
    assert "share" in refused.value.advice
    first.close()
    second.close()


@pytest.mark.parametrize("start", START)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_its_own_home_starts_even_with_a_damaged_secret(first: App, start: Start, database_kind: str) -> None:
    first.projects.add(Project("heads"))
    (first.home.secrets / "heads.key").write_text("damaged")
    with start(first) as service:
        assert service.runtime.name == "process"
    first.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_disabled_workflow_needs_no_package(first: App, database_kind: str) -> None:
    shutil.rmtree(first.home.packages)
    with pytest.raises(ConfigurationError):
        first.require_own_database()
    first.workflows.disable("lungs", "box")
    first.require_own_database()
    first.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_no_project_is_added_in_a_second_home(
    first: App, database_url: str, tmp_path: Path, database_kind: str
) -> None:
    second = app_on(database_url, tmp_path / "second")
    said = CliRunner().invoke(cli, ["--home", str(second.home.root), "project", "add", "heads"])
    assert said.exit_code == 1
    assert "the secret of project lungs" in str(said.exception) + said.output
    assert [one.name for one in first.projects.list()] == ["lungs"]
    first.close()
    second.close()
