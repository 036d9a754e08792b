"""A Docker daemon that is stopped ends its containers, and no program is to blame for that."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from containers import DockerRuntime, Ending, Outcome, Package
from tests.containers.conftest import Stage
from tests.support.docker_daemon import BASE_IMAGE, NoDocker, OwnDaemon

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def daemon() -> Iterator[OwnDaemon]:
    try:
        with OwnDaemon.run() as own:
            yield own
    except NoDocker as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stopping(daemon: OwnDaemon, actor: Package, tmp_path: Path) -> Stage:
    """A job of a daemon that may be stopped."""
    runtime = DockerRuntime(tmp_path / "docker", BASE_IMAGE, daemon.address)
    (tmp_path / "data" / "input").mkdir(parents=True)
    (tmp_path / "output").mkdir()
    return Stage(runtime, actor, runtime.prepare(actor, lambda line: None), tmp_path, f"job-{time.time_ns()}")


def when_ready(act: Callable[[], None]) -> Callable[[str], None]:
    """Listens to a program, and acts when it is ready, in a thread of its own, as the log is read meanwhile."""

    def on_line(line: str) -> None:
        if line == "ready":
            threading.Thread(target=act).start()

    return on_line


@pytest.mark.parametrize("do", ["sleep", "refuse"])
def test_a_program_that_its_daemon_ended_is_lost_and_runs_again(
    stopping: Stage, daemon: OwnDaemon, do: str
) -> None:
    stopper: list[threading.Thread] = []

    def stop() -> None:
        stopper.append(threading.current_thread())
        daemon.stop()

    outcome = stopping.play(when_ready(stop), do=do)
    assert (outcome.ending, outcome.exit_code) == (Ending.LOST, None)
    stopper[0].join()
    daemon.start()
    while (outcome := stopping.play(do="succeed")).ending is Ending.LOST:
        pass  # once, if what the stopped daemon left could not be taken away
    assert outcome.ok


def test_a_program_that_ended_with_its_daemon_while_no_engine_watched_is_lost(
    stopping: Stage, daemon: OwnDaemon
) -> None:
    client = docker.DockerClient(base_url=daemon.address)
    client.containers.run(
        BASE_IMAGE,
        ["sleep", "600"],
        labels={"ror.job": stopping.job_id},
        network_mode="none",
        init=True,
        detach=True,
    )
    daemon.stop()
    daemon.start()
    assert stopping.play(do="succeed").ending is Ending.LOST
    assert client.containers.list(all=True, filters={"label": f"ror.job={stopping.job_id}"}) == []
    client.close()
    assert stopping.play(do="succeed").ok


@pytest.mark.parametrize("code", [143, 137, 255])
def test_a_program_that_ends_so_by_itself_has_failed(stopping: Stage, code: int) -> None:
    outcome = stopping.play(do="fail", code=code)
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, code)


def test_a_program_that_ended_well_while_the_daemon_was_restarted_is_not_run_again(
    stopping: Stage, daemon: OwnDaemon
) -> None:
    client = docker.DockerClient(base_url=daemon.address)
    client.containers.run(
        BASE_IMAGE, ["true"], labels={"ror.job": stopping.job_id}, network_mode="none", detach=True
    ).wait()
    client.close()
    daemon.stop()
    daemon.start()
    outcome: Outcome = stopping.play(do="fail", code=1)
    assert outcome.ok
