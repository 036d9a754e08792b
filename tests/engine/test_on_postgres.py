"""The whole service on PostgreSQL: our tables and the durable engine's in one database, one worker or two."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import OrthancServer, PeerUnavailable, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.hosts import ServingOnPostgres
from tests.support.postgres import PostgresServer
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.postgres, pytest.mark.orthanc]

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"


# One job in flight each, so that none takes the jobs of two while the other comes to look.
ONE_IN_FLIGHT = {"ROR_ENGINE__IN_FLIGHT": "1"}


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the workflow `box`, built once."""
    return tmp_path_factory.mktemp("runtimes")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A path; while it does not exist, the program of the workflow `box` waits behind its start."""
    return tmp_path / "gate"


@pytest.fixture
def serving(
    postgres_server: PostgresServer, orthanc_pacs: OrthancServer, runtimes: Path, gate: Path, tmp_path: Path
) -> Iterator[ServingOnPostgres]:
    """`ror serve` on an empty PostgreSQL database, with the Orthanc as its PACS."""
    url = postgres_server.empty_database()
    made = Installation(tmp_path / "installation")
    made.configure("process", orthanc_pacs.peer, settle_seconds=0.5, orthanc_url=orthanc_pacs.rest.url)
    with (made.home / "ror.toml").open("a") as settings:
        settings.write(f'[database]\nurl = "{url}"\n')
    (made.home / "runtimes").symlink_to(runtimes)
    package = shutil.copytree(BOX, tmp_path / "box")
    manifest = (package / "workflow.toml").read_text()
    held = manifest.replace("[resources]", f'[options]\ngate = "{gate}"\n\n[resources]')
    (package / "workflow.toml").write_text(held)
    app = App(made.home)
    app.projects.add(Project("lungs", pacs=("demo",)))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.workflows.add("lungs", package)
    app.close()
    with ServingOnPostgres(made, url, ONE_IN_FLIGHT) as process:
        yield process


def started(gate: Path) -> int:
    return len(list(gate.parent.glob(f"{gate.name}.started-*")))


def test_a_study_survives_stop_and_kill_while_its_program_runs_and_gives_its_results_once(
    serving: ServingOnPostgres, orthanc_pacs: OrthancServer, gate: Path, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    eventually(lambda: started(gate) == 1)
    serving.stop()  # does not wait for the program, which may take hours
    assert set(serving.jobs().values()) == {"running"}
    serving.start()
    eventually(lambda: started(gate) == 2)
    serving.kill()
    serving.start()
    eventually(lambda: started(gate) == 3)
    gate.touch()
    job_id = serving.job_that_is("succeeded")
    assert {series.modality: series.instance_count for series in orthanc_pacs.rest.series()} == {
        "CT": 8,
        "SEG": 1,
        "SR": 1,
    }
    assert [row["job_id"] for row in serving.installation.ask("measurements", "list")] == [job_id]
    # Nothing lies beside PostgreSQL, and the engine has a schema of its own there.
    assert not list(serving.installation.home.glob("*.sqlite*"))
    schemas = serving.rows("SELECT DISTINCT table_schema AS name FROM information_schema.tables")
    assert {row.name for row in schemas} >= {"public", "dbos"}


@contextmanager
def second_worker(installation: Installation) -> Iterator[subprocess.Popen[str]]:
    """`ror work` beside it, until the block ends."""
    environment = os.environ | {"ROR_ENGINE__EXECUTOR_ID": "second", "ROR_ENGINE__IN_FLIGHT": "1"}
    with (installation.folder / "work.log").open("w") as log:
        process = subprocess.Popen(
            installation.command("work"), stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ror works: second")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def send_studies(serving: Serving, folder: Path, number: int) -> None:
    """So many that either worker gets some; as senders do, again where the service could not take an object now."""

    def is_taken(files: Sequence[Path]) -> bool:
        try:
            send(serving.peer, files)
        except PeerUnavailable:
            return False
        return True

    for seed in range(1, number + 1):
        files = small_ct(folder / f"ct{seed}", seed=seed)
        eventually(lambda files=files: is_taken(files), lambda: serving.log.read_text()[-4000:])


def executors(serving: ServingOnPostgres) -> Counter[str]:
    return Counter(row.executor_id for row in serving.rows("SELECT executor_id FROM dbos.workflow_status"))


def test_two_workers_share_the_jobs_and_each_job_runs_once(
    serving: ServingOnPostgres, orthanc_pacs: OrthancServer, gate: Path, tmp_path: Path
) -> None:
    studies = 6
    with second_worker(serving.installation) as worker:
        send_studies(serving, tmp_path, studies)
        eventually(lambda: started(gate) == 2, lambda: str(executors(serving)))
        assert len(executors(serving)) == 2
        gate.touch()
        eventually(
            lambda: Counter(serving.jobs().values()) == {"succeeded": studies}, lambda: str(serving.jobs())
        )
        assert worker.poll() is None
    assert started(gate) == studies
    assert len(orthanc_pacs.rest.studies()) == studies
    assert len(serving.installation.ask("measurements", "list")) == studies


def test_each_worker_stops_its_own_program_when_its_job_is_cancelled(
    serving: ServingOnPostgres, gate: Path, tmp_path: Path
) -> None:
    with second_worker(serving.installation):
        send_studies(serving, tmp_path, 6)
        eventually(lambda: started(gate) == 2 and len(serving.jobs()) == 6, lambda: str(executors(serving)))
        pids = [file.name.rpartition("-")[2] for file in gate.parent.glob(f"{gate.name}.started-*")]
        for job_id in serving.jobs():
            serving.installation.ror("jobs", "cancel", job_id)
        eventually(lambda: not any(Path("/proc", pid).exists() for pid in pids))
    assert set(serving.jobs().values()) == {"cancelled"}
