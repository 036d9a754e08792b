"""A disk that is really full, or really read-only: back-pressure, nothing half-written, and the resend is taken."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ror.db import Database
from ror.gateway import Quarantine, Received, Status
from ror.registry import ANY, Project, Route
from tests.anonymizer.planted import ROOT, minimal
from tests.gateway.conftest import Gateway, received
from tests.support.disks import remount, small_disk

KIB_EACH = 128
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture(params=["archive", "quarantine"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The small disk, where research objects are filed or where refused ones are kept."""
    with small_disk(tmp_path / str(request.param)) as folder:
        yield folder


@pytest.fixture
def on_disk(disk: Path, build: Callable[..., Gateway]) -> Gateway:
    """A gateway over it."""
    made = build()
    made.projects.add(Project("lungs"))
    made.routes.add(Route("SCANNER", ANY, "lungs"))
    return made


def objects(disk: Path) -> list[Received]:
    """Together longer than the disk; those for the quarantine have no PatientID."""
    patient = "P1" if disk.name == "archive" else ""
    return [
        received(
            minimal(
                SOPInstanceUID=f"{ROOT}.4.{number}",
                PatientID=patient,
                BitsAllocated=16,
                PixelData=os.urandom(KIB_EACH * 1024),
            )
        )
        for number in range(12)
    ]


def kept(gateway: Gateway, disk: Path) -> int:
    """How many objects are there, all of them whole; no file is there that is not one of them."""
    gateway.index.flush()
    files = [file for file in disk.rglob("*") if file.is_file()]
    if disk.name == "archive":
        known = sum(study.instances for study in gateway.index.studies())
        assert all(file.suffix == ".dcm" and file.stat().st_size > KIB_EACH * 1024 for file in files)
    else:
        known = len(gateway.quarantine.list())
        for one in gateway.quarantine.list():
            gateway.quarantine.read(one)
    assert len(files) == known
    return known


def test_a_full_disk_refuses_and_leaves_nothing_half_written(on_disk: Gateway, disk: Path) -> None:
    sent = objects(disk)
    answers = [on_disk.intake.receive(one).status for one in sent]
    good = Status.SUCCESS if disk.name == "archive" else Status.DATASET_MISMATCH
    assert set(answers) == {good, Status.OUT_OF_RESOURCES}
    assert kept(on_disk, disk) == answers.count(good) >= 4
    remount(disk, "size=16m")
    assert {on_disk.intake.receive(one).status for one in sent} == {good}
    assert kept(on_disk, disk) == len(sent)


def test_a_read_only_disk_refuses_and_the_resend_is_taken(on_disk: Gateway, disk: Path) -> None:
    first, second = objects(disk)[:2]
    on_disk.intake.receive(first)
    remount(disk, "ro")
    assert on_disk.intake.receive(second).status is Status.OUT_OF_RESOURCES
    assert kept(on_disk, disk) == 1
    if disk.name == "archive":  # what is held is known without writing
        assert on_disk.intake.receive(first).status is Status.SUCCESS
    remount(disk, "rw")
    assert on_disk.intake.receive(second).status is not Status.OUT_OF_RESOURCES
    assert kept(on_disk, disk) == 2


def test_what_a_killed_process_left_in_quarantine_is_removed_and_nothing_else(
    gateway: Gateway, database: Database, tmp_path: Path
) -> None:
    gateway.intake.receive(received(cut=40))
    folder = tmp_path / "quarantine"
    (held,) = folder.iterdir()
    (folder / "0123.part").write_bytes(b"half an object")
    (folder / "lost.dcm").write_bytes(b"kept, and never told of")
    (folder / "new.dcm").write_bytes(b"of a process that is about to tell of it")
    long_ago = time.time() - 3600
    for file in (held, folder / "lost.dcm"):
        os.utime(file, (long_ago, long_ago))
    assert Quarantine(database, folder).discard_unfinished() == 2
    assert {file.name for file in folder.iterdir()} == {held.name, "new.dcm"}
