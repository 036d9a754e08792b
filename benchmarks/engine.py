"""Jobs whose program ends at once, per second, through the durable pipeline on SQLite: what the engine itself costs.

The peer is the same program started bare by as many threads, over and over.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from benchmarks.service import serving
from orthanc import send
from tests.support.serving import Serving, eventually

__all__ = ["measure"]

_SLOTS = 2
_BARE = "bare subprocess"
_JOBS = "SELECT state, count(*) AS jobs, max(ended_at) AS last FROM jobs GROUP BY state"
_SETTLED = "SELECT min(settled_at) AS first FROM studies WHERE settled_at > {}"


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """From the first study settled to the last job succeeded; studies of one small object each."""
    objects = CtObjects(rows=16)
    with serving(folder / "ror", "noop", 2.0, slots=_SLOTS) as process:
        rates = medians(
            {
                "ours": lambda number: _turn(process, objects, folder / f"sent-{number}", scale.jobs, number),
                _BARE: lambda _: _bare(scale.jobs),
            },
            scale.rounds,
        )
    what = f"no-op jobs, SQLite, {_SLOTS} slots"
    return [Figure(what, rates["ours"], "jobs/s", _BARE, rates[_BARE], Budget.value(at_least=20))]


def _turn(process: Serving, objects: CtObjects, folder: Path, jobs: int, number: int) -> float:
    before = max((row.last for row in process.rows(_JOBS) if row.last), default=0.0)
    files = [file for one in range(jobs) for file in objects.write_study(folder / str(one), 1).iterdir()]
    send(process.peer, files)
    wanted = jobs * (number + 1)

    def all_done() -> Any:
        states = {row.state: row for row in process.rows(_JOBS)}
        assert "failed" not in states, process.log.read_text()[-4000:]
        done = states.get("succeeded")
        return done if done and done.jobs == wanted else None

    last = eventually(all_done, seconds=300).last
    (settled,) = process.rows(_SETTLED.format(before))
    return float(jobs / (last - settled.first))


def _bare(jobs: int) -> float:
    def run(_: int) -> None:
        subprocess.run([sys.executable, "-c", ""], check=True)

    with ThreadPoolExecutor(_SLOTS) as slots:
        return jobs / seconds(lambda: list(slots.map(run, range(jobs))))
