"""Programs that would take all there is are stopped, told in words, and harm no neighbour that runs meanwhile."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from containers import Ending, Limits, Outcome
from tests.containers.conftest import Stage

IN_DOCKER = pytest.mark.parametrize(
    "runtime", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True, scope="session"
)


@contextmanager
def neighbour(stage: Stage, folder: Path) -> Iterator[None]:
    """Another job of the same runtime, that runs from before the block until behind it, and ends well."""
    for name in ("data", "output"):
        (folder / name).mkdir(parents=True)
    other = dataclasses.replace(stage, folder=folder, job_id=f"{stage.job_id}-neighbour")
    begun, ended = threading.Event(), list[Outcome]()
    limits = Limits(memory_mib=128, timeout_s=300)

    def on_line(line: str) -> None:
        if line == "ready":
            begun.set()

    def run() -> None:
        ended.append(other.play(on_line, limits=limits, do="count"))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        (other.data / "go").touch()
        thread.join()
    assert ended[0].ok, ended[0].detail
    assert (other.output / "count.txt").read_text().split() == ["begun", "ended"]


@pytest.mark.parametrize(
    ("action", "limits", "ending", "told"),
    [
        ({"do": "spin"}, Limits(timeout_s=1, cpus=0.5), Ending.TIMED_OUT, "killed: over 1 s"),
        ({"do": "babble"}, Limits(timeout_s=2, cpus=0.5), Ending.TIMED_OUT, "killed: over 2 s"),
        (
            {"do": "swell", "mib": 256, "pause": 0.005},
            Limits(memory_mib=64),
            Ending.OUT_OF_MEMORY,
            "killed: over 64 MiB",
        ),
        (
            {"do": "fill", "mib": 8192},
            Limits(output_mib=16),
            Ending.TOO_MUCH_OUTPUT,
            "killed: over 16 MiB of output",
        ),
    ],
    ids=["endless loop", "endless log", "memory bomb", "disk filler"],
)
def test_a_greedy_program_is_stopped_told_and_alone_in_that(
    stage: Stage, tmp_path: Path, action: dict[str, Any], limits: Limits, ending: Ending, told: str
) -> None:
    with neighbour(stage, tmp_path / "neighbour"):
        outcome = stage.play(limits=limits, **action)
    assert (outcome.ending, outcome.exit_code, stage.told(outcome)) == (ending, None, told)
    assert len(stage.log) < 51 << 20


def test_what_a_disk_filler_has_written_is_gone(stage: Stage) -> None:
    assert stage.play(limits=Limits(output_mib=8), do="fill", mib=8192).ending is Ending.TOO_MUCH_OUTPUT
    assert list(stage.output.iterdir()) == []


def test_a_large_result_within_its_limit_is_left_alone(stage: Stage) -> None:
    assert stage.play(limits=Limits(output_mib=1024), do="fill", mib=32).ok
    assert (stage.output / "rubbish").stat().st_size == 32 << 20


@IN_DOCKER
def test_a_fork_bomb_stays_within_its_processes_until_its_time_is_over(stage: Stage, tmp_path: Path) -> None:
    seen: list[int] = []

    def on_line(line: str) -> None:
        seen.append(processes_of(stage.job_id))

    with neighbour(stage, tmp_path / "neighbour"):
        limits = Limits(pids=32, timeout_s=2, cpus=0.5)
        outcome = stage.play(on_line, limits=limits, do="breed", mark=stage.job_id)
    assert (outcome.ending, outcome.detail) == (Ending.TIMED_OUT, "killed: over 2 s")
    assert 1 <= seen[0] <= 32
    assert processes_of(stage.job_id) == 0


@IN_DOCKER
def test_a_program_reaches_no_network(stage: Stage) -> None:
    lines: list[str] = []
    assert stage.play(lines.append, do="call_home").ok
    assert lines == ["address: Network is unreachable", "name: gaierror"]


@IN_DOCKER
def test_no_program_makes_its_user_another(stage: Stage) -> None:
    lines: list[str] = []
    assert stage.play(lines.append, do="become_root").ok
    assert lines[0] == "set-uid programs: True"  # else there would be nothing to try
    user = str(stage.output.stat().st_uid)
    assert lines[1:] == [f"id: {user}", "su: refused"]


def processes_of(job_id: str) -> int:
    """How many processes of the machine have the job's options in their environment."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += f'"mark": "{job_id}"'.encode() in (process / "environ").read_bytes()
        except OSError:  # it has just ended, or is another's
            continue
    return found
