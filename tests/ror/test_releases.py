"""A job that was begun by one release of the pipeline is finished by the next, and by the one before if need be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import OrthancServer, send
from tests.ror.conftest import hold_program
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc

# `ror` as it is, but for the version of its pipeline, which the durable engine keeps with every job.
RELEASE = """
import sys
import ror.engine.engine
ror.engine.engine._PIPELINE_VERSION = sys.argv.pop(1)
from ror.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Release(Installation):
    """The same home, as a release with another version of the pipeline serves it."""

    version: str = "1"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", RELEASE, self.version, "--home", str(self.home), *arguments]


@pytest.fixture
def gate(with_pacs: Installation, tmp_path: Path) -> Path:
    """A path; while it does not exist, the program of the workflow `box` waits behind its start."""
    held = tmp_path / "gate"
    hold_program(with_pacs, str(held), tmp_path / "box")
    return held


def starts_of(gate: Path) -> int:
    return len(list(gate.parent.glob(f"{gate.name}.started-*")))


@pytest.mark.parametrize(("begun_by", "finished_by"), [("1", "2"), ("2", "1")])
def test_what_one_release_has_begun_another_finishes_without_running_it_again(
    gate: Path,
    with_pacs: Installation,
    orthanc_pacs: OrthancServer,
    tmp_path: Path,
    begun_by: str,
    finished_by: str,
) -> None:
    sent, reachable = small_ct(tmp_path / "ct"), (with_pacs.home / "ror.toml").read_text()
    (with_pacs.home / "ror.toml").write_text(
        reachable.replace(f"port = {orthanc_pacs.peer.port}", "port = 1")
    )
    with Serving(Release(with_pacs.folder, begun_by)) as serving:
        send(serving.peer, sent)
        eventually(lambda: starts_of(gate) == 1, lambda: serving.log.read_text()[-4000:])
        gate.touch()
        serving.waiting_at("deliver")
    (with_pacs.home / "ror.toml").write_text(reachable)
    with Serving(Release(with_pacs.folder, finished_by)) as serving:
        serving.job_that_is("succeeded")
    held = {series.modality: series.instance_count for series in orthanc_pacs.rest.series()}
    assert held == {"CT": len(sent), "SEG": 1, "SR": 1}
    assert starts_of(gate) == 1


def test_a_program_that_runs_when_its_release_is_replaced_gives_its_results_once(
    gate: Path, with_pacs: Installation, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    with Serving(Release(with_pacs.folder, "1")) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        eventually(lambda: starts_of(gate) == 1, lambda: serving.log.read_text()[-4000:])
        serving.kill()
    gate.touch()
    with Serving(Release(with_pacs.folder, "2")) as serving:
        serving.job_that_is("succeeded")
        assert serving.rows("SELECT attempt FROM jobs")[0].attempt == 2
    assert len(orthanc_pacs.rest.instances(Modality="SEG")) == 1
