"""What Podman's Docker-compatible socket does otherwise, and its users are not to notice.

All other promises are held by the same tests as Docker's (``make podman-test``).
"""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path

import docker
import pytest

from containers import DockerRuntime, Ending, Limits, Package, RunOrder, RuntimeUnavailable
from tests.containers.conftest import NUMBERS, Stage
from tests.support.podman import TINY_IMAGE

pytestmark = pytest.mark.podman
LIMITS = Limits(memory_mib=64, timeout_s=60)


@pytest.fixture
def stage(podman_host: str, tmp_path: Path) -> Stage:
    """A job whose program is a script for the shell of `TINY_IMAGE`."""
    for name in ("package", "data", "output"):
        (tmp_path / name).mkdir()
    calls = {"select": "select series from study", "docker_image": TINY_IMAGE, "call": "sh /data/program"}
    (tmp_path / "package" / "select.statement").write_text(json.dumps(calls))
    package, runtime = (
        Package.load(tmp_path / "package"),
        DockerRuntime(tmp_path / "docker", host=podman_host),
    )
    image = runtime.prepare(package, lambda line: None)
    return Stage(runtime, package, image, tmp_path, f"podman-{next(NUMBERS)}-{tmp_path.parent.name}")


def order(stage: Stage, script: str, limits: Limits = LIMITS) -> RunOrder:
    (stage.data / "program").write_text(script)
    return stage.order(limits)


def test_a_program_over_its_memory_is_told_as_such(stage: Stage) -> None:
    outcome = stage.runtime.run(order(stage, "x=much; while :; do x=$x$x; done"))
    assert outcome.ending is Ending.OUT_OF_MEMORY
    assert outcome.detail.startswith("killed: over 64 MiB")


def test_a_long_log_is_whole(stage: Stage) -> None:
    words = 100_000
    assert stage.runtime.run(order(stage, f"yes word by word | head -n {words}; echo the end")).ok
    assert stage.log.count("word by word\n") == words
    assert stage.log.endswith("\nthe end\n")


def test_a_program_that_ends_by_itself_is_not_lost_with_a_daemon(stage: Stage) -> None:
    outcome = stage.runtime.run(order(stage, "exit 143"))
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 143)


def test_a_run_is_stopped(stage: Stage) -> None:
    def on_line(line: str) -> None:
        if line == "ready":
            threading.Thread(target=stage.runtime.stop, args=(stage.job_id,)).start()

    assert stage.runtime.run(order(stage, "echo ready; sleep 600"), on_line).ending is Ending.STOPPED


def test_a_container_that_still_runs_is_taken_over(stage: Stage, podman_host: str) -> None:
    client = docker.DockerClient(base_url=podman_host)
    client.containers.run(
        TINY_IMAGE,
        ["sh", "-c", "echo before; until [ -e /data/go ]; do sleep 0.05; done; echo after"],
        labels={"ror.job": stage.job_id},
        volumes={str(stage.data): {"bind": "/data", "mode": "ro"}},
        network_mode="none",
        detach=True,
    )
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        (stage.data / "go").touch()

    assert stage.runtime.run(order(stage, "echo another"), on_line).ok
    assert [line for line in lines if not line.startswith("ror:")] == ["before", "after"]
    assert client.containers.list(all=True, filters={"label": f"ror.job={stage.job_id}"}) == []
    client.close()


def test_a_program_that_wants_a_card_is_not_run_without_one(stage: Stage) -> None:
    with pytest.raises(RuntimeUnavailable, match="Podman"):
        stage.runtime.run(order(stage, "echo ran anyway", dataclasses.replace(LIMITS, gpu=True)))
    assert "ran anyway" not in stage.log
