"""Turns of no-op jobs through a running `ror serve`, timed by what its database says."""

from __future__ import annotations

import itertools
import select
import time
from pathlib import Path
from typing import Any

from benchmarks.objects import CtObjects
from orthanc import send
from tests.support.serving import Serving

__all__ = ["Turns"]

# Often enough, and seldom enough that whoever asks takes nothing of the machine that counts.
_ASK_SECONDS = 0.25
_DEADLINE_SECONDS = 300.0
# By indexes, so that it is the same whatever else there is.
_PLACED = """
SELECT state, count(*) AS jobs, max(ended_at) AS last FROM jobs WHERE placed_at > {} GROUP BY state
"""
_SETTLED = "SELECT min(settled_at) AS first FROM studies WHERE settled_at > {}"


class Turns:
    """Sends studies of one small object each, and times their jobs."""

    def __init__(self, process: Serving, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._objects = CtObjects(rows=16)
        self._numbers = itertools.count()

    def rate(self, jobs: int) -> float:
        """Jobs per second, of so many studies at once: from the first settled to the last job ended."""
        return jobs / self._seconds(jobs)

    def milliseconds(self, jobs: int) -> float:
        """What a job takes from the settling of its study to its end, one after the other; the median."""
        taken = sorted(1e3 * self._seconds(1) for _ in range(jobs))
        return taken[len(taken) // 2]

    def _seconds(self, jobs: int) -> float:
        folder, began = self._folder / str(next(self._numbers)), time.time()
        files = [
            file for one in range(jobs) for file in self._objects.write_study(folder / str(one), 1).iterdir()
        ]
        send(self._process.peer, files)
        last = self._ended(began, jobs)
        (settled,) = self._process.rows(_SETTLED.format(began))
        return float(last - settled.first)

    def _ended(self, since: float, jobs: int) -> float:
        """When the last of so many jobs ended (seconds since the epoch)."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while True:
            states: dict[str, Any] = {row.state: row for row in self._process.rows(_PLACED.format(since))}
            assert "failed" not in states, self._process.log.read_text()[-4000:]
            done = states.get("succeeded")
            if done and done.jobs == jobs:
                return float(done.last)
            assert time.monotonic() < deadline, f"{states}\n{self._process.log.read_text()[-4000:]}"
            select.select([], [], [], _ASK_SECONDS)
