"""A host on another network, whose link goes down while a job runs: the job ends once, wherever that is.

Gateway and database are on one machine, the host without the shared folder is on the other
(`tests.support.namespaces`): all it has of them comes over the link, by HTTPS and by PostgreSQL's own protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.demo.service import Installation
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.engine.test_away_hosts import package_for_away_hosts
from tests.engine.test_stage import take_in
from tests.support.certificate import certificate_for
from tests.support.hosts import ServingOnPostgres, Worker, installation_on, working
from tests.support.namespaces import Linked, within
from tests.support.postgres import NoPostgres, PostgresServer
from tests.support.serving import eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.namespaces, pytest.mark.slow]

PORT = 8104
HOST = "gpu2"
BEATS = "beat_seconds = 0.8"


@dataclass(frozen=True, slots=True)
class InstallationWithin(Installation):
    """One whose commands run on one of the machines."""

    machine: str

    def command(self, *arguments: str) -> list[str]:
        return [*within(self.machine), *Installation.command(self, *arguments)]


@dataclass(frozen=True)
class Apart:
    """A gateway, and a host beyond the link."""

    linked: Linked
    app: App
    serving: ServingOnPostgres
    host: Worker
    gate: Path

    @property
    def started(self) -> int:
        """How often programs were started."""
        return len(list(self.gate.parent.glob("gate.started-*")))

    def let_the_gateway_run(self, *, programs: bool) -> None:
        """Whether the gateway is given jobs, too."""
        self.app.hosts.drain("main", drained=not programs)

    def take_in(self, seed: int) -> str:
        """Let a study come, of which there is to be a job; returns its id when the program runs."""
        known, started = self.serving.jobs(), self.started
        take_in(self.app, small_ct(self.gate.parent / f"ct{seed}", seed=seed))
        self.until(lambda: self.started > started)
        (job_id,) = self.serving.jobs().keys() - known
        return job_id

    def host_of(self, job_id: str) -> str | None:
        """Who has a job."""
        return self.serving.hosts()[job_id]

    def has_ended(self, job_id: str) -> bool:
        """Whether the host has run the program of a job to its end."""
        return (self.host.log.parent / "home" / "jobs" / job_id / "ran.json").exists()

    def written(self, job_id: str) -> list[Any]:
        """All that is known of a job and its steps, and whose output stands."""
        output = self.app.home.job(job_id).output.resolve()
        return [output, (output / "output.json").stat()] + [
            self.serving.rows(f"SELECT * FROM {table} WHERE {of} = '{job_id}'")
            for table, of in (("jobs", "id"), ("job_steps", "job_id"), ("results", "job_id"))
        ]

    def until(self, happened: Callable[[], object]) -> None:
        """Wait until something has happened."""
        eventually(happened, self.told)

    def told(self) -> str:
        """What to know where it has not."""
        jobs = self.serving.rows("SELECT id, state, host, attempt, detail FROM jobs")
        steps = self.serving.rows("SELECT job_id, step, detail, setbacks FROM job_steps")
        logs = (f"{log}:\n{log.read_text()[-4000:]}" for log in (self.serving.log, self.host.log))
        return f"{jobs}\n{steps}\n" + "\n".join(logs)


@pytest.fixture
def server(linked: Linked) -> Iterator[PostgresServer]:
    """One on the machine of the gateway."""
    try:
        with PostgresServer.run(linked=linked) as server:
            yield server
    except NoPostgres as reason:
        pytest.skip(str(reason))


def made_on(machine: str, folder: Path, url: str, runtimes: Path, settings: str) -> Installation:
    """A home whose commands run on one of the machines."""
    made = installation_on(url, folder, f"{BEATS}\n{settings}")
    (made.home / "runtimes").symlink_to(runtimes)
    return InstallationWithin(folder, machine)


@pytest.fixture
def apart(linked: Linked, server: PostgresServer, runtimes: Path, tmp_path: Path) -> Iterator[Apart]:
    """Both of them at work; the host alone is given jobs."""
    url, gate = server.empty_database(), tmp_path / "gate"
    certificate, key = certificate_for(linked.address, tmp_path)
    web = f'[web]\nenabled = true\nhost = "{linked.address}"\nport = {PORT}\n'
    web += f'tls_certificate = "{certificate}"\ntls_key = "{key}"'
    gateway = made_on(linked.near, tmp_path / "gateway", url, runtimes, f'labels = ["away"]\n{web}')
    app = App(gateway.home)
    app.projects.add(Project("lungs"))
    app.routes.add(Route(ANY, ANY, "lungs"))
    app.workflows.add("lungs", package_for_away_hosts(tmp_path, gate))
    token = tmp_path / "token"
    token.write_text(app.tokens.add_host(HOST, HOST))
    over_the_link = f"{url.partition('?')[0]}".replace("@/", f"@{linked.address}/")
    of_host = f'labels = ["away"]\ngateway = "https://{linked.address}:{PORT}"\n'
    of_host += f'gateway_ca = "{certificate}"\ngateway_token_file = "{token}"'
    away = made_on(linked.far, tmp_path / HOST, over_the_link, runtimes, of_host)
    serving, host = ServingOnPostgres(gateway, url), Worker(away, HOST)
    with serving, working(host):
        made = Apart(linked, app, serving, host, gate)
        made.let_the_gateway_run(programs=False)
        yield made
    app.close()


def test_a_job_whose_host_is_cut_off_goes_on_there_or_elsewhere_and_ends_once(apart: Apart) -> None:
    # There: nobody else is given jobs.
    job_id = apart.take_in(seed=1)
    apart.linked.cut()
    apart.until(lambda: apart.host_of(job_id) is None)
    apart.gate.touch()
    apart.until(lambda: apart.has_ended(job_id))
    apart.linked.mend()
    apart.until(lambda: "has sent its output" in apart.serving.log.read_text())
    apart.let_the_gateway_run(programs=True)  # which goes on where the shared folder is
    apart.until(lambda: apart.serving.jobs() == {job_id: "succeeded"})
    assert apart.started == 1
    # Elsewhere: the gateway takes it, and the host, which runs it to its end as well, comes late.
    apart.gate.unlink()
    apart.let_the_gateway_run(programs=False)
    other = apart.take_in(seed=2)
    apart.let_the_gateway_run(programs=True)
    apart.linked.cut()
    apart.until(lambda: apart.host_of(other) == "main" and apart.started == 3)
    apart.gate.touch()
    apart.until(lambda: apart.serving.jobs()[other] == "succeeded" and apart.has_ended(other))
    written = apart.written(other)
    apart.linked.mend()
    apart.until(lambda: f"job {other} ended early" in apart.host.log.read_text())
    assert apart.written(other) == written
    assert len(apart.serving.rows("SELECT 1 FROM measurements")) == 2
