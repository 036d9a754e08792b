"""A disk that is full in mid-job: the job waits, says so, and goes on when there is room. On a real, small disk."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from examples.demo.service import CommandFailed, Installation
from orthanc import OrthancServer, send
from tests.ror.conftest import hold_program
from tests.support.disks import small_disk
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc

MIB = 2**20
DONE = {"CT": 8, "SEG": 1, "SR": 1}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    with small_disk(tmp_path / "installation" / "home", 64) as folder:
        yield folder


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A path, on another disk; while it does not exist, the program of the workflow `box` waits behind its start."""
    return tmp_path / "gate"


@pytest.fixture
def serving(
    disk: Path, gate: Path, template: Installation, orthanc_pacs: OrthancServer, tmp_path: Path
) -> Iterator[Serving]:
    """`ror serve`, whose home with its databases and jobs is on the small disk, and its log is not."""
    made = Installation(disk.parent)
    shutil.copytree(template.home, made.home, ignore=shutil.ignore_patterns("runtimes"), dirs_exist_ok=True)
    (made.home / "runtimes").symlink_to(template.home / "runtimes")
    made.configure("process", orthanc_pacs.peer, settle_seconds=0.5, orthanc_url=orthanc_pacs.rest.url)
    hold_program(made, str(gate), tmp_path / "box")
    with Serving(made, {"ROR_LISTENER__RESERVE_MIB": "0"}) as process:
        yield process


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no byte free until the block ends, also none of those that others give back meanwhile."""
    ballast, ended = disk / "ballast", threading.Event()
    with ballast.open("wb", buffering=0) as file:

        def fill() -> None:
            with suppress(OSError):
                while file.write(bytes(MIB)):
                    pass

        def keep_full() -> None:
            while not ended.wait(0.01):
                fill()

        fill()
        filler = threading.Thread(target=keep_full)
        filler.start()
        try:
            yield
        finally:
            ended.set()
            filler.join()
    ballast.unlink()


def held_by(pacs: OrthancServer) -> dict[str, int]:
    return {series.modality: series.instance_count for series in pacs.rest.series()}


def hold_in_program(serving: Serving, gate: Path, folder: Path) -> None:
    """Bring a job into its program."""
    send(serving.peer, small_ct(folder / "ct"))
    eventually(lambda: list(gate.parent.glob(f"{gate.name}.started-*")), serving.log.read_text)


def refuses_to_start(serving: Serving, disk: Path) -> None:
    with pytest.raises(CommandFailed, match=f"ror: the disk of {disk} is full\n +make room"):
        serving.installation.ror("serve")


def told_full(serving: Serving) -> bool:
    # Whether there is still room to note that the job waits is a matter of bytes.
    return re.search(r"waits(?: to execute)?: the disk of", serving.log.read_text()) is not None


def test_a_job_goes_on_by_itself_when_there_is_room(
    serving: Serving, disk: Path, gate: Path, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    hold_in_program(serving, gate, tmp_path)
    with full(disk):
        gate.touch()
        eventually(lambda: told_full(serving), serving.log.read_text)
        assert set(serving.jobs().values()) == {"running"}
    serving.job_that_is("succeeded")
    assert held_by(orthanc_pacs) == DONE
    assert re.search(rf"the disk of (sqlite:///)?{re.escape(str(disk))}", serving.log.read_text())


def test_a_job_goes_on_though_the_service_was_killed_on_a_full_disk(
    serving: Serving, disk: Path, gate: Path, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    hold_in_program(serving, gate, tmp_path)
    with full(disk):
        gate.touch()
        eventually(lambda: told_full(serving), serving.log.read_text)
        serving.kill()
        refuses_to_start(serving, disk)
    serving.start()
    serving.job_that_is("succeeded")
    assert held_by(orthanc_pacs) == DONE


def test_a_service_that_was_stopped_is_not_started_on_a_full_disk(serving: Serving, disk: Path) -> None:
    serving.stop()
    with full(disk):
        refuses_to_start(serving, disk)
    serving.start()
