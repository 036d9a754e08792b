"""`kill -9` at random points of random sends: what was acknowledged is there, nothing is double, nothing half-written.

A few rounds here; ``make kill-test`` makes 200. Each round says its seed, by which it can be made again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from orthanc import FileReport, Peer, PeerError, send
from ror.app import App
from ror.gateway import Listener
from ror.registry import ANY, Project, Route
from tests.anonymizer.planted import minimal, part10

ROUNDS = int(os.environ.get("ROR_TEST_KILL_ROUNDS", "15"))
SENDERS = 3
COLUMNS, SHORT, LONG = (
    128,
    64,
    832,
)  # rows; what is long takes several fragments, and is begun with before it is whole
OBJECTS, RESENT = 24, 6  # in each round
SUCCESS, QUARANTINED = 0x0000, (0xA900, 0xC010, 0xC011)


@dataclass
class Acknowledged:
    """What senders were told, over all rounds: UIDs as they sent them."""

    stored: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    answers: int = 0

    def hear(self, report: FileReport) -> None:
        self.answers += 1
        if report.status == SUCCESS:
            self.stored.add(report.sop_instance_uid)
        elif report.status in QUARANTINED:
            self.quarantined.add(report.sop_instance_uid)


def new_study(folder: Path, number: int) -> list[Path]:
    """Objects that nobody has sent; one has no PatientID and goes into quarantine."""
    root, made = f"1.2.826.0.1.3680043.10.99.{number + 1}", []
    for instance in range(OBJECTS):
        one = minimal(
            StudyInstanceUID=root,
            SeriesInstanceUID=f"{root}.1",
            SOPInstanceUID=f"{root}.1.{instance + 1}",
            PatientID=f"P{number}" if instance else "",
            Rows=(rows := SHORT if instance % 4 else LONG),
            Columns=COLUMNS,
            BitsAllocated=16,
            PixelData=bytes(2 * rows * COLUMNS),
        )
        one["PixelData"].VR = "OW"
        file = folder / f"{number}-{instance}.dcm"
        file.write_bytes(part10(one))
        made.append(file)
    return made


def receive(home: Path, port: Connection) -> None:
    """What `ror serve` does to receive, in a process of its own; for ever."""
    app = App(home)
    with app.home.exclusively():
        app.heal()
        listener = Listener(app.settings.listener, app.intake)
        listener.start()
        port.send(listener.port)
        port.poll(None)


class Receiving:
    """A process that receives; `start` again after `kill` as often as wanted.

    It is forked from one that has loaded everything, so that a round takes a second, not five.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["ror.app"])
        self._process: ForkServerProcess | None = None
        self._port = 0

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=receive, args=(self.home, theirs), daemon=True)
        self._process.start()
        assert self._ours.poll(300), "it does not start"
        self._port = self._ours.recv()

    @property
    def peer(self) -> Peer:
        """The listener, as a sender addresses it."""
        return Peer("ROR", "127.0.0.1", self._port, "SCANNER")

    def kill(self) -> None:
        """``kill -9``: it learns nothing of its end."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def rows(self, query: str) -> list[Any]:
        """Rows of the embedded database."""
        engine = sa.create_engine(f"sqlite:///{self.home / 'ror.sqlite'}")
        try:
            with engine.connect() as connection:
                return list(connection.execute(sa.text(query)))
        finally:
            engine.dispose()

    def archived(self) -> list[Path]:
        """All DICOM files of the archive."""
        return sorted((self.home / "archive").rglob("*.dcm"))


@pytest.fixture
def receiving(tmp_path: Path) -> Iterator[Receiving]:
    """A home with a project and a route, and a process that will receive for it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "ror.toml").write_text('[listener]\nhost = "127.0.0.1"\nport = 0\nreserve_mib = 0\n')
    app = App(home)
    app.projects.add(Project("lungs"))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.close()
    process = Receiving(home)
    yield process
    process.kill()


def send_until_killed(
    receiving: Receiving, batches: list[list[Path]], kill_after: int, told: Acknowledged
) -> None:
    """Several associations at once; the service is killed behind an answer, in the midst of all others."""
    before, reached = told.answers, threading.Event()

    def hear(report: FileReport) -> None:
        told.hear(report)
        if told.answers - before >= kill_after:
            reached.set()

    def run(batch: list[Path]) -> None:
        try:
            send(receiving.peer, batch, on_sent=hear)
        except PeerError:
            pass  # refused objects, or nobody there any more
        finally:
            ended.release()

    ended = threading.Semaphore(0)
    threads = [threading.Thread(target=run, args=[batch]) for batch in batches]
    for thread in threads:
        thread.start()
    reached.wait(20)
    receiving.kill()
    for thread in threads:
        thread.join()


def check(receiving: Receiving, told: Acknowledged, research_uid: Callable[[str], str]) -> None:
    """The promises, after a restart."""
    home = receiving.home
    rows = {row.sop_uid: row for row in receiving.rows("SELECT sop_uid, path, sha256 FROM instances")}
    files = {str(file.relative_to(home / "archive")): file for file in receiving.archived()}
    assert set(files) == {row.path for row in rows.values()}, "files and index differ"
    assert len(files) == len(rows)
    for row in rows.values():
        assert hashlib.sha256(files[row.path].read_bytes()).hexdigest() == row.sha256, "half-written"
    assert set(map(research_uid, told.stored)) <= set(rows), "an acknowledged object is missing"
    held = {row.sha256 for row in receiving.rows("SELECT sha256 FROM quarantine")}
    assert len(held) >= len(told.quarantined), "a quarantined object is missing"
    for name in held:
        assert hashlib.sha256((home / "quarantine" / f"{name}.dcm").read_bytes()).hexdigest() == name
    assert not [*home.rglob("*.part"), *(home / "archive" / ".incoming").iterdir()], "a temporary file stays"


@pytest.fixture
def research_uid(receiving: Receiving) -> Iterator[Callable[[str], str]]:
    """What an object is called in the archive, by what it is called outside."""
    app = App(receiving.home)
    key, profile = app.projects.key("lungs"), app.projects.get("lungs").profile()
    yield lambda uid: profile.uid(key, uid)
    app.close()


def test_nothing_acknowledged_is_lost_nothing_is_double_and_nothing_half_written_stays(
    receiving: Receiving, research_uid: Callable[[str], str], tmp_path: Path
) -> None:
    told, sent = Acknowledged(), list[Path]()
    receiving.start()
    for number in range(ROUNDS):
        chance = random.Random(number)
        new, again = new_study(tmp_path, number), chance.sample(sent, min(RESENT, len(sent)))
        batches = [chance.sample(new + again, len(new + again)) for _ in range(SENDERS)]
        sent += new
        send_until_killed(receiving, batches, chance.randint(1, 2 * OBJECTS), told)
        receiving.start()
        try:
            check(receiving, told, research_uid)
        except AssertionError as broken:
            broken.add_note(f"in round {number} of {ROUNDS}")
            raise
    with pytest.raises(PeerError):  # those without a PatientID
        send(receiving.peer, sent, on_sent=told.hear)
    check(receiving, told, research_uid)
    assert len(receiving.archived()) == len(told.stored) == ROUNDS * (OBJECTS - 1)
    assert len(receiving.rows("SELECT sha256 FROM quarantine")) == len(told.quarantined) == ROUNDS
