"""A whole installation with one workflow, for benchmarks of the way of a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from examples.demo.service import Installation
from orthanc import OrthancServer
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.hosts import ServingOnPostgres
from tests.support.serving import Serving

__all__ = ["serving"]

_PACKAGES = Path(__file__).parent / "packages"
_PROJECT = "bench"


@contextmanager
def serving(
    folder: Path,
    workflow: str,
    settle_seconds: float,
    pacs: OrthancServer | None = None,
    slots: int = 1,
    *,
    url: str = "",
    docker: str = "",
) -> Iterator[Serving]:
    """Run `ror serve` with one of our packages until the block ends; results go to the PACS, if there is one.

    `url` is that of a PostgreSQL database, `docker` the address of a daemon; without them, SQLite and processes.
    """
    folder.mkdir(parents=True)
    installation = Installation(folder)
    runtime = "docker" if docker else "process"
    installation.configure(runtime, pacs.peer if pacs else None, settle_seconds, base_image=BASE_IMAGE)
    if url:
        with (installation.home / "ror.toml").open("a") as settings:
            settings.write(f'[database]\nurl = "{url}"\n')
    with closing(App(installation.home)) as app:
        app.projects.add(Project(_PROJECT, pacs=("demo",) if pacs else ()))
        app.routes.add(Route(ANY, ANY, _PROJECT))
        if docker:  # the first job builds the image
            app.workflows.add(_PROJECT, _PACKAGES / workflow)
    if not docker:
        installation.ror("workflow", "add", str(_PACKAGES / workflow), "--project", _PROJECT)
    environment = {"ROR_ENGINE__SLOTS": str(slots)} | ({"DOCKER_HOST": docker} if docker else {})
    made = ServingOnPostgres(installation, url, environment) if url else Serving(installation, environment)
    with made as process:
        yield process
