"""What has happened since this process began: objects that came in, jobs that ended and how long their hops took.

Jobs of all hosts are followed in the database by the time of their end, with an overlap for what is committed late.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ror.db import Database, in_batches, tables
from ror.engine import JobHops, Timings
from ror.gateway import Tally
from ror.model import JobState

__all__ = ["Ended", "Objects"]

_BOUNDS: Final = (
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
    30.0,
    60.0,
    180.0,
    600.0,
    1800.0,
    3600.0,
    10800.0,
    43200.0,
    86400.0,
)
_COMMITTED_WITHIN_SECONDS: Final = 120.0  # with what clocks of hosts may differ by
_jobs, _results, _deliveries = tables.jobs.c, tables.results.c, tables.deliveries.c
_LIVE: Final = (
    _jobs.state == JobState.RUNNING,
    # As the partial index says it: no parameter, or it is not found.
    (_jobs.state == JobState.QUEUED) & sa.text("attempt > 1"),
)


class Objects(Collector):
    """Objects that came in by C-STORE and STOW-RS."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """By the route that took them, and what became of them."""
        family = CounterMetricFamily(
            "ror_objects",
            "Objects that came in, by route and by what became of them.",
            labels=["project", "calling_ae", "called_ae", "fate", "reason"],
        )
        for line, count in sorted(self._tally.counts().items(), key=lambda item: str(item[0])):
            labels = [line.project, line.calling_ae, line.called_ae, line.fate.value, line.reason]
            family.add_metric(labels, count)
        yield family


class Ended(Collector):
    """Jobs that have ended since this was made, whichever host had them; each end counts once.

    The clock is passed in, in seconds since the epoch.
    """

    def __init__(self, database: Database, timings: Timings, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._timings = timings
        self._clock = clock
        self._began = self._looked_at = clock()
        self._counted: set[tuple[str, float]] = set()
        self._started: set[tuple[str, float]] = set()
        self._attempts: dict[str, int] | None = None
        self._ends: Counter[tuple[str, str, str]] = Counter()
        self._again: Counter[tuple[str, str]] = Counter()
        self._starts: Counter[tuple[str, str]] = Counter()
        self._delivered: Counter[str] = Counter()
        self._hops: defaultdict[tuple[str, str], _Histogram] = defaultdict(_Histogram)

    def collect(self) -> Iterator[Metric]:
        """Count what has ended since the last time, and tell all."""
        self._look()
        of_workflow = ["project", "workflow"]
        yield _counter("ror_jobs_ended", "Jobs that have ended.", [*of_workflow, "state"], self._ends)
        yield _counter(
            "ror_container_starts",
            "Programs of jobs that were started; of one job, as seen from scrape to scrape.",
            of_workflow,
            self._starts,
        )
        yield _counter(
            "ror_job_retries",
            "Attempts at jobs behind their first: asked for, after a host was lost, or begun again.",
            of_workflow,
            self._again,
        )
        yield _counter(
            "ror_deliveries",
            "Results of ended jobs that a destination has acknowledged.",
            ["destination"],
            {(name,): count for name, count in self._delivered.items()},
        )
        hops = HistogramMetricFamily(
            "ror_job_hop_seconds",
            "Time that ended jobs took to come to a hop from the one before it.",
            labels=["workflow", "hop"],
            unit="seconds",
        )
        for (workflow, hop), histogram in sorted(self._hops.items()):
            hops.add_metric([workflow, hop], histogram.buckets(), histogram.total)
        yield hops

    def _look(self) -> None:
        now, horizon = self._clock(), max(self._began, self._looked_at - _COMMITTED_WITHIN_SECONDS)
        ended = [job for job in self._timings.ended(horizon) if self._is_new(job)]
        for job in ended:
            self._ends[job.project, job.workflow, job.state] += 1
            for hop in job.hops:
                if hop.seconds is not None:
                    self._hops[job.workflow, hop.hop].add(max(0.0, hop.seconds))
        ids = [job.job_id for job in ended]
        self._count_deliveries(ids)
        self._count_attempts(ids, horizon)
        self._looked_at = now
        self._counted = {key for key in self._counted if key[1] >= horizon}
        self._started = {key for key in self._started if key[1] >= horizon}

    def _is_new(self, job: JobHops) -> bool:
        assert job.ended_at is not None, "or it had not ended"
        key = job.job_id, job.ended_at
        if key in self._counted:
            return False
        self._counted.add(key)
        return True

    def _count_deliveries(self, job_ids: list[str]) -> None:
        query = (
            sa.select(_deliveries.destination, sa.func.count())
            .join(tables.results, _results.sop_uid == _deliveries.sop_uid)
            .group_by(_deliveries.destination)
        )
        with self._database.read() as connection:
            for some in in_batches(job_ids):
                for destination, count in connection.execute(query.where(_results.job_id.in_(some))):
                    self._delivered[destination] += count

    def _count_attempts(self, ended: list[str], horizon: float) -> None:
        """Of the jobs that are under way, or have just ended; what was before this process counts for nothing.

        One that waits for its first attempt has none to count; there may be very many.
        """
        step = tables.job_steps
        query = sa.select(
            _jobs.id, _jobs.project, _jobs.workflow, _jobs.attempt, step.c.started_at
        ).outerjoin(step, (step.c.job_id == _jobs.id) & (step.c.step == "execute"))
        with self._database.read() as connection:
            rows = [row for live in _LIVE for row in connection.execute(query.where(live))]
            for some in in_batches(ended):
                rows += connection.execute(query.where(_jobs.id.in_(some)))
        before, self._attempts = self._attempts, {row.id: row.attempt for row in rows}
        for row in rows:
            key = row.project, row.workflow
            if before is not None:
                # What was not under way has had as many attempts before as it has now, but one.
                self._again[key] += max(0, row.attempt - before.get(row.id, max(1, row.attempt - 1)))
            started = row.id, row.started_at
            if row.started_at is not None and row.started_at >= horizon and started not in self._started:
                self._started.add(started)
                self._starts[key] += 1


class _Histogram:
    """Numbers by the smallest bound that is not below them, and their sum."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def add(self, number: float) -> None:
        self._counts[bisect_left(_BOUNDS, number)] += 1
        self.total += number

    def buckets(self) -> list[tuple[str, float]]:
        """How many are not above each bound."""
        bounds = [*map(str, _BOUNDS), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))


def _counter(name: str, told: str, labels: Sequence[str], counts: Mapping[Any, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family
