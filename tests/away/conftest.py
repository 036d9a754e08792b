"""A gateway that is served, and a home without its folder: nothing is between them but HTTP and the database."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ror.app import App
from ror.away import AwayPlace, Gateway
from ror.db import tables
from ror.engine import Executor
from ror.model import Job
from ror.registry import ANY, Route
from tests.engine.test_stage import take_in
from tests.support.studies import small_ct
from tests.web.conftest import Web, serving_at

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
HOST = "gpu2"


@dataclass(frozen=True)
class Away:
    """A host with a job: its home, and how it reaches the gateway."""

    web: Web
    app: App
    token: str
    executor: Executor
    job: Job

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    def place(self, url: str = "") -> AwayPlace:
        """Where it works, with the gateway at this address, or where that is."""
        return AwayPlace(self.app, Gateway(url or self.url, self.token), self.executor)

    @property
    def series(self) -> str:
        return self.job.series[0].series_uid


@pytest.fixture
def web(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Web]:
    with serving_at(tmp_path, migrated_sqlite, patience_seconds=30) as web:
        yield web


@pytest.fixture(scope="session")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the workflow `box`, built once."""
    return tmp_path_factory.mktemp("away-runtimes")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The workflow `box`; a test may change it before it asks for the host."""
    return shutil.copytree(BOX, tmp_path / "box")


@pytest.fixture
def away(web: Web, package: Path, runtimes: Path, tmp_path: Path) -> Iterator[Away]:
    """A host that has been given the job of a study that came in."""
    web.app.routes.add(Route(ANY, ANY, "lungs"))
    web.app.workflows.add("lungs", package)
    take_in(web.app, small_ct(tmp_path / "ct"))
    web.app.index.settle(0.0, now=1e12)
    (job_id,) = web.app.matcher.match_settled()
    with web.app.database.write() as connection:
        connection.execute(tables.jobs.update().values(host=HOST))
    home = tmp_path / "away"
    home.mkdir()
    (home / "runtimes").symlink_to(runtimes)
    (home / "ror.toml").write_text(
        f'[engine]\nexecutor_id = "{HOST}"\nruntime = "process"\n[database]\nurl = "{web.app.database.url}"\n'
    )
    app = App(home)
    executor = Executor(app.runtime(), HOST)
    yield Away(web, app, web.app.tokens.add_host(HOST, HOST), executor, web.app.jobs.get(job_id))
    app.close()


@contextmanager
def link_that_breaks(port: int, after_bytes: int) -> Iterator[str]:
    """The address of a way to a port of this machine on which so many bytes come back, and then nothing more."""
    listening = socket.create_server(("127.0.0.1", 0))

    def carry() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                with client, socket.create_connection(("127.0.0.1", port)) as server:
                    threading.Thread(target=pump, args=(client, server, None), daemon=True).start()
                    pump(server, client, after_bytes)

    def pump(source: socket.socket, target: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while piece := source.recv(4096 if left is None else min(4096, max(left, 1))):
                target.sendall(piece)
                if left is not None and (left := left - len(piece)) <= 0:
                    target.shutdown(socket.SHUT_RDWR)
                    return

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
