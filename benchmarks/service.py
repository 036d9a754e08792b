"""A whole installation with one workflow, for benchmarks of the way of a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from examples.demo.service import Installation
from orthanc import OrthancServer
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.serving import Serving

__all__ = ["serving"]

_PACKAGES = Path(__file__).parent / "packages"
_PROJECT = "bench"


@contextmanager
def serving(
    folder: Path, workflow: str, settle_seconds: float, pacs: OrthancServer | None = None, slots: int = 1
) -> Iterator[Serving]:
    """Run `ror serve` with one of our packages until the block ends; results go to the PACS, if there is one."""
    folder.mkdir(parents=True)
    installation = Installation(folder)
    installation.configure("process", pacs.peer if pacs else None, settle_seconds)
    with closing(App(installation.home)) as app:
        app.projects.add(Project(_PROJECT, pacs=("demo",) if pacs else ()))
        app.routes.add(Route(ANY, ANY, _PROJECT))
    installation.ror("workflow", "add", str(_PACKAGES / workflow), "--project", _PROJECT)
    with Serving(installation, {"ROR_ENGINE__SLOTS": str(slots)}) as process:
        yield process
