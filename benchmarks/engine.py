"""What the engine itself costs: jobs whose program ends at once, one and many, on one worker and on three.

The program of no-op jobs is ``true``, and of the others ``sleep``: what is measured is the engine, not how long Python
takes to start. The peer of no-op jobs is the same program started bare by as many threads, over and over.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figure import Budget, Figure
from benchmarks.finished_jobs import multiply
from benchmarks.jobs import Turns
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from benchmarks.service import serving
from tests.support.docker_daemon import BASE_IMAGE, NoDocker, OwnDaemon
from tests.support.hosts import Worker, working
from tests.support.postgres import NoPostgres, PostgresServer

__all__ = ["measure"]

_SLOTS = 2
_SLEEPING_SLOTS = 4
_SINGLE_JOBS = 5
_BARE = "bare subprocess"
_PROGRAM = "true"
_WORKERS = {2: 1.8, 3: 2.6}


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Rates of no-op jobs, what one takes beyond its program, and what further workers and finished jobs change."""
    figures = _of_database(scale, folder / "sqlite", "SQLite", "")
    try:
        with PostgresServer.run(durable=True) as server:
            figures += _of_database(scale, folder / "postgresql", "PostgreSQL", server.empty_database())
            figures += _of_workers(scale, folder / "workers", server.empty_database)
    except NoPostgres as reason:
        print(f"left out: {reason}", file=sys.stderr)
    try:
        with OwnDaemon.run() as daemon:
            figures += _in_docker(scale, folder / "docker", daemon.address)
    except NoDocker as reason:
        print(f"left out: {reason}", file=sys.stderr)
    return figures


def _of_database(scale: Scale, folder: Path, kind: str, url: str) -> list[Figure]:
    with serving(folder, "noop", scale.settle_seconds, slots=_SLOTS, url=url) as process:
        turns = Turns(process, folder / "sent")
        rates = medians(
            {"ours": lambda _: turns.rate(scale.jobs), _BARE: lambda _: _bare_rate(scale.jobs)}, scale.rounds
        )
        one = turns.milliseconds(min(_SINGLE_JOBS, scale.jobs))
        process.stop()
        home = process.installation.home
        ours = url or f"sqlite:///{home / 'ror.sqlite'}"
        multiply(ours, url or f"sqlite:///{home / 'checkpoints.sqlite'}", scale.finished)
        process.start()
        behind = statistics.median(turns.rate(scale.jobs) for _ in range(scale.rounds))
    bare = _bare_milliseconds(lambda: _run(_PROGRAM))
    what, budget = f"no-op jobs, {kind}, {_SLOTS} slots", Budget.value(at_least=20)
    return [
        Figure(what, rates["ours"], "jobs/s", _BARE, rates[_BARE], budget),
        Figure(f"… behind {scale.finished:,} that have ended", behind, "jobs/s", "behind few", rates["ours"]),
        _single(f"one no-op job, {kind}, beyond its program", one - bare, _BARE, bare, 300),
    ]


def _of_workers(scale: Scale, folder: Path, new_database: Callable[[], str]) -> list[Figure]:
    """Each further worker is a process of its own on this machine, so only what sleeps can gain by it."""
    rates = {}
    for workers in scale.workers:
        of_number = folder / str(workers)
        with ExitStack() as stack:
            made = serving(
                of_number, "sleeper", scale.settle_seconds, slots=_SLEEPING_SLOTS, url=new_database()
            )
            process = stack.enter_context(made)
            for number in range(1, workers):
                slots = {"ROR_ENGINE__SLOTS": str(_SLEEPING_SLOTS)}
                worker = Worker(process.installation, f"worker{number}", environment=slots)
                stack.enter_context(working(worker))
            turns = Turns(process, of_number / "sent")
            rates[workers] = statistics.median(turns.rate(scale.sleeping) for _ in range(scale.rounds))
    return [
        Figure(
            f"sleeping jobs, {workers} workers of {_SLEEPING_SLOTS} slots",
            rates[workers],
            "jobs/s",
            "1 worker",
            rates[1],
            Budget.ratio(at_least=_WORKERS[workers]),
        )
        for workers in scale.workers[1:]
    ]


def _in_docker(scale: Scale, folder: Path, address: str) -> list[Figure]:
    with serving(folder, "noop", scale.settle_seconds, docker=address) as process:
        turns = Turns(process, folder / "sent")
        turns.rate(1)  # which builds the image
        one = turns.milliseconds(min(_SINGLE_JOBS, scale.jobs))
    command = ("docker", "--host", address, "run", "--rm", "--network=none", BASE_IMAGE, _PROGRAM)
    bare = _bare_milliseconds(lambda: _run(*command))
    return [_single("one no-op job, Docker, its container included", one, "docker run", bare, 1000)]


def _single(what: str, ours: float, peer: str, theirs: float, at_most: float) -> Figure:
    return Figure(what, ours, "ms", peer, theirs, Budget.value(at_most=at_most))


def _bare_rate(jobs: int) -> float:
    with ThreadPoolExecutor(_SLOTS) as slots:
        bare = (slots.submit(_run, _PROGRAM) for _ in range(jobs))
        return jobs / seconds(lambda: [one.result() for one in list(bare)])


def _bare_milliseconds(run: Callable[[], None]) -> float:
    return 1e3 * statistics.median(seconds(run) for _ in range(_SINGLE_JOBS))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
