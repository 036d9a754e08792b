"""`ror serve` as a process of its own, which a test can kill, and what a test wants to know of its home."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from examples.demo.service import SERVES, Installation
from orthanc import Peer

__all__ = ["Serving", "eventually"]

DEADLINE_SECONDS = 300.0
T = TypeVar("T")


class Serving:
    """One `ror serve` process over an `Installation`; `start` again after `kill` as often as wanted."""

    def __init__(self, installation: Installation, environment: dict[str, str] | None = None) -> None:
        self.installation = installation
        self._environment = os.environ | (environment or {})
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Serving:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def peer(self) -> Peer:
        """The listener, as a sender addresses it."""
        return Peer("ROR", "127.0.0.1", self.port, "SCANNER")

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the process writes to standard error, over all its lives."""
        return self.installation.folder / "serve.log"

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self.log.open("a") as stream:
            self._process = subprocess.Popen(
                self.installation.command("serve"),
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=self._environment,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE_SECONDS)
        serves = SERVES.match(self._process.stdout.readline()) if ready else None
        assert serves, f"ror serve did not start:\n{self.log.read_text()}"
        self.port = int(serves[1])

    def kill(self) -> None:
        """``kill -9``: it learns nothing of its end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as an administrator does; a second time is harmless."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(DEADLINE_SECONDS) == 0, self.log.read_text()

    # -- what a test wants to know ------------------------------------------------------------------------------------

    def rows(self, query: str) -> list[Any]:
        """Rows of the embedded database."""
        engine = sa.create_engine(f"sqlite:///{self.installation.home / 'ror.sqlite'}")
        try:
            with engine.connect() as connection:
                return list(connection.execute(sa.text(query)))
        finally:
            engine.dispose()

    def change(self, statement: str) -> None:
        """Change the embedded database, as a crash or a hand might have."""
        engine = sa.create_engine(f"sqlite:///{self.installation.home / 'ror.sqlite'}")
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(statement))
        finally:
            engine.dispose()

    def jobs(self) -> dict[str, str]:
        """State of each job by id."""
        return {row.id: row.state for row in self.rows("SELECT id, state FROM jobs")}

    def job_that_is(self, state: str) -> str:
        """Wait until there is exactly one job in a state, and return its id; fail if it ends otherwise."""

        def found() -> str | None:
            ids = [job_id for job_id, is_in in self.jobs().items() if is_in == state]
            return ids[0] if len(ids) == 1 else None

        return eventually(found, lambda: f"jobs: {self.jobs()}\n{self.log.read_text()[-4000:]}")

    def waiting_at(self, step: str) -> str:
        """Wait until a job waits at a step for something that is not there; returns what it says."""

        def found() -> str | None:
            rows = self.rows(f"SELECT detail FROM job_steps WHERE step = '{step}' AND detail LIKE 'waiting%'")
            return rows[0].detail if rows else None

        return eventually(found, lambda: f"jobs: {self.jobs()}\n{self.log.read_text()[-4000:]}")

    def archived(self) -> list[Path]:
        """All DICOM files of the archive, by the names that they have in it."""
        archive = self.installation.home / "archive"
        # Below hidden folders are the other names of those that wait to be indexed.
        return sorted(file for project in archive.glob("[!.]*") for file in project.rglob("*.dcm"))


def eventually(
    found: Callable[[], T | None], told: Callable[[], str] = lambda: "", seconds: float = DEADLINE_SECONDS
) -> T:
    """Ask until the answer is true; the only clock is the deadline after which the test fails."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s: {told()}"
        select.select([], [], [], 0.05)
    return answer
