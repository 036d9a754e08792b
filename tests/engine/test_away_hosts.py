"""Hosts without the shared folder: separate homes, one PostgreSQL, and between them nothing but the gateway's HTTP."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from orthanc import free_port, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.support.hosts import ServingOnPostgres, Worker, installation_on, working
from tests.support.postgres import PostgresServer
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
# Long enough that a busy machine is not taken for a lost one.
BEATS = "beat_seconds = 2.0"


def package_for_away_hosts(folder: Path, gate: Path) -> Path:
    """The workflow `box`, held by a gate, for hosts with the label that the gateway has not."""
    package = shutil.copytree(BOX, folder / "box")
    manifest = (package / "workflow.toml").read_text()
    held = manifest.replace("[resources]", f'[options]\ngate = "{gate}"\n\n[resources]\nlabels = ["away"]')
    (package / "workflow.toml").write_text(held)
    return package


def away(url: str, folder: Path, name: str, gateway: str, runtimes: Path) -> Worker:
    """A host with a home of its own, which holds nothing but its settings and the token."""
    made = installation_on(url, folder / name, BEATS)
    (made.home / "runtimes").symlink_to(runtimes)
    options = ("--labels", "away", "--gateway", gateway, "--token-file", str(folder / f"{name}.token"))
    return Worker(made, name, *options)


def test_a_job_runs_where_the_folder_is_not_goes_on_when_that_host_is_killed_and_is_delivered_by_the_gateway(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url, port, gate = postgres_server.empty_database(), free_port(), tmp_path / "gate"
    runtimes = tmp_path / "runtimes"
    runtimes.mkdir()
    made = installation_on(url, tmp_path / "gateway", BEATS + f"\n[web]\nenabled = true\nport = {port}")
    with made.stand_in_pacs() as pacs:
        with (made.home / "ror.toml").open("a") as written:
            written.write(
                f'[pacs.demo]\nhost = "127.0.0.1"\nport = {pacs.port}\nae_title = "{pacs.ae_title}"\n'
                'confirm = "no"\n'
            )
        app = App(made.home)
        app.projects.add(Project("lungs", pacs=("demo",)))
        app.routes.add(Route(ANY, ANY, "lungs"))
        app.workflows.add("lungs", package_for_away_hosts(tmp_path, gate))
        for name in ("gpu2", "gpu3"):
            (tmp_path / f"{name}.token").write_text(app.tokens.add_host(name, name))
        app.close()
        gateway = f"http://127.0.0.1:{port}"
        hosts = {name: away(url, tmp_path, name, gateway, runtimes) for name in ("gpu2", "gpu3")}
        serving = ServingOnPostgres(made, url)
        with serving, working(hosts["gpu2"]), working(hosts["gpu3"]):
            send(serving.peer, small_ct(tmp_path / "ct", seed=1))
            eventually(lambda: list(tmp_path.glob("gate.started-*")), lambda: told(serving, hosts))
            job_id, host = eventually(partial(given, serving, hosts), lambda: told(serving, hosts))
            hosts[host].kill()
            gate.touch()
            eventually(lambda: serving.jobs() == {job_id: "succeeded"}, lambda: told(serving, hosts))
            ran_on = {
                row.detail for row in serving.rows("SELECT detail FROM job_steps WHERE step = 'execute'")
            }
            (other,) = hosts.keys() - {host}
            assert all(one.endswith(f"on host {other}") for one in ran_on), ran_on
            eventually(partial(nothing_is_left_on, hosts[other]))
            (row,) = serving.rows("SELECT job_id FROM measurements")
            assert row.job_id == job_id
            assert "a box of" in (made.home / "jobs" / job_id / "log" / "container.log").read_text()
            delivered = serving.rows("SELECT DISTINCT kind FROM results")
            assert {one.kind for one in delivered} == {"SEG", "SR"}
            assert len(list(made.pacs.iterdir())) > len(delivered)
            listed = {row["name"]: row["studies"] for row in made.ask("hosts", "list")}
            assert listed == {"main": "shared folder", "gpu2": "gateway", "gpu3": "gateway"}


def given(serving: ServingOnPostgres, hosts: dict[str, Worker]) -> tuple[str, str] | None:
    """The job, and which of these hosts has it; None between two of them."""
    return next(((job, host) for job, host in serving.hosts().items() if host in hosts), None)


def nothing_is_left_on(host: Worker) -> bool:
    """Whether it has no file of any job: neither studies nor what was made of them."""
    return not any(path.is_file() for path in (host.log.parent / "home" / "jobs").rglob("*"))


def told(serving: ServingOnPostgres, hosts: dict[str, Worker]) -> str:
    logs = [serving.log, *(one.log for one in hosts.values())]
    steps = serving.rows("SELECT step, detail, setbacks FROM job_steps")
    jobs = serving.rows("SELECT id, state, host, attempt, detail FROM jobs")
    return f"{jobs}\n{steps}\n" + "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in logs)
