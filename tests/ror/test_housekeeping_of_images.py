"""Images of workflow versions that nothing uses any more go; the newest and what runs stay."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from docker import DockerClient

from containers import DockerRuntime, Package
from ror.app import App
from ror.db import tables
from ror.develop.starter import start
from ror.housekeeping import Housekeeper
from ror.model import JobState
from ror.registry import Project
from tests.engine.test_jobs import a_job
from tests.ror.conftest import PACKAGES
from tests.support.docker_daemon import BASE_IMAGE

pytestmark = pytest.mark.docker

DAY = 86400.0


@pytest.fixture
def app(tmp_path: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch):
    """A home with two versions of a workflow, the later one enabled, both with an image."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home = tmp_path / "home"
    home.mkdir()
    (home / "ror.toml").write_text(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')
    opened = App(home)
    opened.projects.add(Project("lungs"))
    for version in ("1.0.0", "1.0.1"):
        folder = shutil.copytree(PACKAGES / "box", tmp_path / version)
        text = (folder / "workflow.toml").read_text()
        (folder / "workflow.toml").write_text(f"# {tmp_path.name}\n{text.replace('1.0.0', version)}")
        opened.workflows.add("lungs", folder, opened.runtimes[0].prepare)
    yield opened
    opened.close()


def test_only_the_image_of_the_version_that_nothing_uses_goes(app: App) -> None:
    docker = app.runtimes[0]
    assert isinstance(docker, DockerRuntime)
    old, new = (app.workflows.package(one.name, one.digest) for one in app.workflows.list())
    in_a_year = time.time() + 365 * DAY
    with app.database.write() as connection:
        app.jobs.create(connection, a_job())
        failed = {"package_digest": old.digest, "state": JobState.FAILED}
        connection.execute(tables.jobs.update().values(failed))
    assert Housekeeper(app).run(in_a_year) == []  # somebody may retry it
    with app.database.write() as connection:
        connection.execute(tables.jobs.update().values(state=JobState.SUCCEEDED))
    assert Housekeeper(app).run(time.time()) == []  # it was used today
    (gone,) = Housekeeper(app).run(in_a_year)
    assert gone.candidate.name == f"{old.manifest.name}:{old.digest}"
    assert (docker.has_image(old), docker.has_image(new)) == (False, True)
    assert not docker.discard(old)
    assert Housekeeper(app).run(in_a_year) == []
    assert app.who.audit.list()[0].action == "removed by housekeeping"
    anew = docker.prepare(Package.load(old.folder), lambda _line: None)
    assert docker.has_image(old)
    assert anew.reference.startswith("ror/box:")
    docker.discard(old)
    docker.discard(new)


def test_what_a_build_has_left_of_its_first_stage_goes_when_it_is_old(app: App, tmp_path: Path) -> None:
    docker = app.runtimes[0]
    assert isinstance(docker, DockerRuntime)
    start(tmp_path / "staged")
    (tmp_path / "staged" / "requirements.txt").write_text("")
    package = Package.load(tmp_path / "staged")
    known = stages()
    docker.prepare(package, lambda _line: None)
    left = stages() - known
    assert left
    Housekeeper(app).run(time.time())  # it is of use to the next build
    assert left <= stages()
    Housekeeper(app).run(time.time() + 365 * DAY)
    assert not left & stages()
    assert docker.discard(package)


def stages() -> set[str]:
    client = DockerClient(base_url=os.environ["DOCKER_HOST"])
    return {str(one.id) for one in client.images.list(filters={"dangling": True, "label": "ror.stage=made"})}
