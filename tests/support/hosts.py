"""`ror work` as processes of their own: further hosts of an installation whose tables are in PostgreSQL."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from examples.demo.service import Installation
from tests.support.serving import DEADLINE_SECONDS, Serving

__all__ = ["ServingOnPostgres", "Worker", "installation_on", "working"]


class ServingOnPostgres(Serving):
    """`ror serve` whose tables are in PostgreSQL."""

    def __init__(
        self, installation: Installation, url: str, environment: dict[str, str] | None = None
    ) -> None:
        super().__init__(installation, environment)
        self._url = url

    def rows(self, query: str) -> list[Any]:
        engine = sa.create_engine(self._url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(sa.text(query)))
        finally:
            engine.dispose()

    def hosts(self) -> dict[str, str | None]:
        """The host that has, or had, each job."""
        return {row.id: row.host for row in self.rows("SELECT id, host FROM jobs")}


def installation_on(url: str, folder: Path, settings: str = "") -> Installation:
    """A home without a PACS, whose tables are in a PostgreSQL database; `settings` go to the end of its ror.toml."""
    made = Installation(folder)
    made.configure("process", settle_seconds=0.5)
    with (made.home / "ror.toml").open("a") as written:
        written.write(f'{settings}\n[database]\nurl = "{url}"\n')
    return made


class Worker:
    """One `ror work`, which can be killed, stopped for a while, and started again."""

    def __init__(
        self, installation: Installation, name: str, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self._command = installation.command("work", "--name", name, *options)
        self._environment = os.environ | (environment or {})
        self.name = name
        self.log = installation.folder / f"{name}.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it has joined."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE_SECONDS)
        said = self._process.stdout.readline() if ready else ""
        assert said.startswith(f"ror works: {self.name}"), self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``: it learns nothing of its end."""
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def is_there(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it as an administrator does; a second time is harmless."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGCONT)
            self._process.terminate()
            assert self._process.wait(DEADLINE_SECONDS) == 0, self.log.read_text()


@contextmanager
def working(worker: Worker) -> Iterator[Worker]:
    """Have a worker for a block."""
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()
