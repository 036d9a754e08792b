"""Installations for tests of the whole product."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import OrthancServer, Peer, free_port
from tests.support.environments import kept_environments
from tests.support.serving import Serving

PACKAGES = Path(__file__).parent.parent / "support" / "packages"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A home with the project `lungs` that sends to the PACS `demo`, a route from anybody, and the workflow `box`.

    Made once, since each command takes a second and each environment five; tests get copies.
    """
    made = Installation(tmp_path_factory.mktemp("template"))
    kept_environments(made.home)
    made.configure("process", Peer("PACS", "127.0.0.1", 104))
    made.ror("project", "add", "lungs", "--pacs", "demo")
    made.ror("route", "add", "lungs", "--from", "*")
    made.ror("workflow", "add", str(PACKAGES / "box"), "--project", "lungs")
    return made


def copy_of(template: Installation, folder: Path) -> Installation:
    """A home of its own for one test, over the template's environments."""
    copy = Installation(folder)
    shutil.copytree(template.home, copy.home, ignore=shutil.ignore_patterns("runtimes"))
    (copy.home / "runtimes").symlink_to(template.home / "runtimes")
    return copy


@pytest.fixture
def installation(tmp_path: Path, template: Installation) -> Installation:
    """A copy of the template whose PACS is not there."""
    made = copy_of(template, tmp_path / "installation")
    made.configure("process", Peer("NOBODY", "127.0.0.1", free_port()), settle_seconds=0.5)
    return made


def hold_program(installation: Installation, gate: str, folder: Path) -> None:
    """Install a version of the workflow `box` whose program waits behind its start until the path `gate` exists."""
    shutil.copytree(PACKAGES / "box", folder)
    manifest = (folder / "workflow.toml").read_text()
    held = manifest.replace("[resources]", f'[options]\ngate = "{gate}"\n\n[resources]')
    (folder / "workflow.toml").write_text(held)
    installation.ror("workflow", "add", str(folder), "--project", "lungs")


@pytest.fixture
def with_pacs(installation: Installation, orthanc_pacs: OrthancServer) -> Installation:
    """A home whose project `lungs` sends images and results to the Orthanc, and runs the workflow `box`."""
    url = orthanc_pacs.rest.url
    installation.configure("process", orthanc_pacs.peer, settle_seconds=0.5, orthanc_url=url)
    return installation


@pytest.fixture
def serving(with_pacs: Installation) -> Iterator[Serving]:
    """`ror serve`, running, with the Orthanc as its PACS."""
    with Serving(with_pacs) as process:
        yield process
