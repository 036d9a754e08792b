"""Several workers on one PostgreSQL and one home: what becomes of the jobs of one that is lost, and comes back late."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from orthanc import PeerUnavailable, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.hosts import ServingOnPostgres, Worker, installation_on, working
from tests.support.postgres import PostgresServer
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.postgres

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
# Long enough that a busy machine is not taken for a lost one.
BEATS = "beat_seconds = 2.0"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A path; while it does not exist, the programs of jobs wait behind their start."""
    return tmp_path / "gate"


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the workflow `box`, built once."""
    return tmp_path_factory.mktemp("runtimes")


@pytest.fixture
def serving(
    postgres_server: PostgresServer, runtimes: Path, gate: Path, tmp_path: Path
) -> Iterator[ServingOnPostgres]:
    """`ror serve`, the host `main`, with one slot."""
    url = postgres_server.empty_database()
    made = installation_on(url, tmp_path / "installation", BEATS)
    (made.home / "runtimes").symlink_to(runtimes)
    package = shutil.copytree(BOX, tmp_path / "box")
    manifest = (package / "workflow.toml").read_text()
    held = manifest.replace("[resources]", f'[options]\ngate = "{gate}"\n\n[resources]')
    (package / "workflow.toml").write_text(held)
    app = App(made.home)
    app.projects.add(Project("lungs"))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.workflows.add("lungs", package)
    app.close()
    with ServingOnPostgres(made, url) as process:
        yield process


def started(gate: Path) -> int:
    return len(list(gate.parent.glob(f"{gate.name}.started-*")))


def send_studies(serving: ServingOnPostgres, folder: Path, number: int) -> None:
    for seed in range(1, number + 1):
        files = small_ct(folder / f"ct{seed}", seed=seed)

        def is_taken(files: tuple[Path, ...] = files) -> bool:
            try:
                send(serving.peer, files)
            except PeerUnavailable:  # as senders do, again where the service could not take an object now
                return False
            return True

        eventually(is_taken, lambda: serving.log.read_text()[-4000:])


def all_succeeded(serving: ServingOnPostgres, number: int) -> None:
    eventually(
        lambda: Counter(serving.jobs().values()) == {"succeeded": number},
        lambda: f"{serving.jobs()} {serving.hosts()}\n{serving.log.read_text()[-4000:]}",
    )
    # Each gave its results once.
    measured = serving.rows("SELECT job_id FROM measurements")
    assert Counter(row.job_id for row in measured) == dict.fromkeys(serving.jobs(), 1)


def test_the_job_of_a_worker_that_is_killed_goes_on_elsewhere(
    serving: ServingOnPostgres, gate: Path, tmp_path: Path
) -> None:
    with working(Worker(serving.installation, "second")) as second:
        send_studies(serving, tmp_path, 2)
        eventually(lambda: started(gate) == 2, lambda: str(serving.hosts()))
        assert set(serving.hosts().values()) == {"main", "second"}
        second.kill()
    gate.touch()
    all_succeeded(serving, 2)
    assert set(serving.hosts().values()) == {"main"}
    told = serving.installation.ask("hosts", "list")
    assert [(row["name"], row["jobs"]) for row in told] == [("main", 0), ("second", 0)]
    assert told[1]["state"].startswith("silent for ")
    serving.installation.ror("hosts", "remove", "second")
    assert [row["name"] for row in serving.installation.ask("hosts", "list")] == ["main"]


def test_a_worker_that_comes_back_late_ends_nothing(
    serving: ServingOnPostgres, gate: Path, tmp_path: Path
) -> None:
    with working(Worker(serving.installation, "second")) as second:
        send_studies(serving, tmp_path, 2)
        eventually(lambda: started(gate) == 2, lambda: str(serving.hosts()))
        (job_id,) = (job for job, host in serving.hosts().items() if host == "second")
        second.send(signal.SIGSTOP)
        eventually(lambda: serving.hosts()[job_id] != "second", lambda: serving.log.read_text()[-4000:])
        gate.touch()  # also its own program ends, which still runs
        all_succeeded(serving, 2)
        before = serving.rows(f"SELECT * FROM jobs WHERE id = '{job_id}'")
        steps = "SELECT * FROM job_steps ORDER BY job_id, step"
        then = serving.rows(steps)
        second.send(signal.SIGCONT)
        eventually(
            lambda: f"job {job_id} ended early" in second.log.read_text(), lambda: second.log.read_text()
        )
        assert serving.rows(f"SELECT * FROM jobs WHERE id = '{job_id}'") == before
        assert serving.rows(steps) == then
        all_succeeded(serving, 2)
        # It is a host like the others again.
        assert [row["state"] for row in serving.installation.ask("hosts", "list")] == ["alive", "alive"]


def test_jobs_go_to_the_host_that_has_what_they_ask_for_and_say_what_they_wait_for(
    serving: ServingOnPostgres, gate: Path, tmp_path: Path
) -> None:
    gate.touch()
    package = tmp_path / "box"
    manifest = (package / "workflow.toml").read_text()
    asks = '[resources]\ngpu = true\ngpu_memory_mib = 8192\nlabels = ["a100"]\n'
    (package / "workflow.toml").write_text(manifest.replace("[resources]\n", asks))
    serving.installation.ror("workflow", "add", str(package), "--project", "lungs")
    send_studies(serving, tmp_path, 1)
    (job_id,) = eventually(serving.jobs)

    def why() -> str:
        (row,) = serving.installation.ask("jobs", "why", job_id)
        return str(row["reason"])

    assert why() == "no host has the label a100"
    options = ("--labels", "gpu,a100", "--gpus", "0:4096,1:16384", "--slots", "2")
    with working(Worker(serving.installation, "cards", *options)):
        all_succeeded(serving, 1)
    (row,) = serving.rows("SELECT host, gpu FROM jobs")
    assert (row.host, row.gpu) == ("cards", "1")
    assert "  host     cards, card 1\n" in serving.installation.ror("jobs", "show", job_id)


def test_a_drained_host_gets_no_more_jobs(serving: ServingOnPostgres, gate: Path, tmp_path: Path) -> None:
    gate.touch()
    with working(Worker(serving.installation, "second")):
        serving.installation.ror("hosts", "drain", "main")
        send_studies(serving, tmp_path, 3)
        all_succeeded(serving, 3)
    assert set(serving.hosts().values()) == {"second"}
    serving.installation.ror("hosts", "resume", "main")
