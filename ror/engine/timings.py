"""The hops of a job, from the first object of its series to its last measurement, and how long each took.

Times are seconds since the epoch, by the clock of the host where a thing happened: hosts whose clocks differ tell hops
that are too long or too short by as much.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import sqlalchemy as sa

from ror.db import Database, in_batches, tables
from ror.errors import NotFound
from ror.model import Job

__all__ = ["HOPS", "Hop", "HopSummary", "JobHops", "Timings", "note_arrival", "summarised"]

HOPS: Final = (
    "received",  # the first object of its series was in the archive
    "filed",  # the last one was
    "settled",  # the study was taken for complete
    "matched",
    "queued",
    "started",  # a host began with it
    "finished",  # its program has ended
    "delivered",  # the last destination has acknowledged the last object
    "confirmed",  # and has shown that it holds it
    "recorded",
)
WHOLE: Final = "whole"
"""The name of the way from the first hop of a job to its last."""

_P95 = 18  # the last of the nineteen that part a sample into twenty
_jobs, _arrivals = tables.jobs.c, tables.arrivals.c
_results, _deliveries = tables.results.c, tables.deliveries.c


@dataclass(frozen=True, slots=True)
class Hop:
    """When a job came to a place, and how long (seconds) after the place before it; None of the first."""

    hop: str
    at: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class JobHops:
    """The hops that a job has come to: without a PACS nothing is delivered, and one that failed has the first ones."""

    job_id: str
    project: str
    workflow: str
    state: str
    ended_at: float | None
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class HopSummary:
    """How long (seconds) it took the jobs of a workflow to come to a place from the one before it."""

    workflow: str
    hop: str
    n: int
    median: float
    p95: float
    longest: float


class Timings:
    """Reads the hops of jobs from what is known of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, job_id: str) -> tuple[Hop, ...]:
        """The hops of one job, or `NotFound`."""
        with self._database.read() as connection:
            row = connection.execute(_hops_query().where(_jobs.id == job_id)).first()
        if row is None:
            raise NotFound(f"there is no job {job_id}", "see `ror jobs list`")
        return _job_hops(row).hops

    def find(
        self, workflow: str | None = None, project: str | None = None, since: float | None = None
    ) -> Iterator[JobHops]:
        """The hops of jobs that were queued `since`, the first queued first."""
        query = _hops_query().order_by(_jobs.created_at)
        for column, value in ((_jobs.workflow, workflow), (_jobs.project, project)):
            if value is not None:
                query = query.where(column == value)
        if since is not None:
            query = query.where(_jobs.created_at >= since)
        with self._database.read(streams=True) as connection:
            for row in connection.execute(query.execution_options(yield_per=1000)):
                yield _job_hops(row)

    def ended(self, since: float) -> list[JobHops]:
        """The hops of the jobs that have ended `since`."""
        with self._database.read() as connection:
            rows = connection.execute(_hops_query().where(_jobs.ended_at >= since)).all()
        return [_job_hops(row) for row in rows]


def note_arrival(connection: sa.Connection, jobs: Collection[Job], study_uid: str, matched_at: float) -> None:
    """Within the transaction that queues them: note when what jobs work on came in, as it is known now."""
    if not jobs:
        return
    study = sa.select(tables.studies.c.settled_at).where(tables.studies.c.study_uid == study_uid)
    settled_at = connection.execute(study).scalar()
    for job in jobs:
        received_at, filed_at = _first_and_last(connection, [one.series_uid for one in job.series])
        connection.execute(
            tables.arrivals.insert().values(
                job_id=job.id,
                received_at=received_at,
                filed_at=filed_at,
                settled_at=settled_at,
                matched_at=matched_at,
            )
        )


def summarised(jobs: Iterable[JobHops]) -> list[HopSummary]:
    """Medians and 95th percentiles of each hop, workflow by workflow, and of the whole way."""
    seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for job in jobs:
        for hop in job.hops:
            if hop.seconds is not None:
                seconds[job.workflow, hop.hop].append(hop.seconds)
        if len(job.hops) > 1 and job.hops[-1].hop == HOPS[-1]:
            seconds[job.workflow, WHOLE].append(job.hops[-1].at - job.hops[0].at)
    order = (*HOPS, WHOLE)
    return [
        HopSummary(workflow, hop, len(those), statistics.median(those), _p95(those), max(those))
        for (workflow, hop), those in sorted(
            seconds.items(), key=lambda item: (item[0][0], order.index(item[0][1]))
        )
    ]


def _p95(numbers: Sequence[float]) -> float:
    if len(numbers) == 1:
        return numbers[0]
    return statistics.quantiles(numbers, n=20, method="inclusive")[_P95]


def _first_and_last(
    connection: sa.Connection, series_uids: Sequence[str]
) -> tuple[float | None, float | None]:
    instances = tables.instances.c
    extent = sa.select(sa.func.min(instances.received_at), sa.func.max(instances.received_at))
    rows = [
        connection.execute(extent.where(instances.series_uid.in_(some))).one()
        for some in in_batches(series_uids)
    ]
    known = [at for at in chain.from_iterable(rows) if at is not None]
    return min(known, default=None), max(known, default=None)


def _hops_query() -> sa.Select[Any]:
    """One row for each job, with its hops as columns of their names."""
    steps = {name: tables.job_steps.alias(name) for name in ("stage", "execute", "record")}
    receipts = (
        sa.select(sa.literal(1))
        .select_from(tables.results.join(tables.deliveries, _results.sop_uid == _deliveries.sop_uid))
        .where(_results.job_id == _jobs.id)
        .correlate(tables.jobs)
    )

    def last(column: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
        return receipts.with_only_columns(sa.func.max(column), maintain_column_froms=True).scalar_subquery()

    unconfirmed = receipts.where(_deliveries.confirmed_at.is_(None)).exists()
    query = sa.select(
        _jobs.id,
        _jobs.project,
        _jobs.workflow,
        _jobs.state,
        _jobs.ended_at,
        _arrivals.received_at.label("received"),
        _arrivals.filed_at.label("filed"),
        _arrivals.settled_at.label("settled"),
        _arrivals.matched_at.label("matched"),
        _jobs.created_at.label("queued"),
        steps["stage"].c.started_at.label("started"),
        steps["execute"].c.ended_at.label("finished"),
        last(_deliveries.delivered_at).label("delivered"),
        sa.case((unconfirmed, None), else_=last(_deliveries.confirmed_at)).label("confirmed"),
        steps["record"].c.ended_at.label("recorded"),
    )
    joined: sa.FromClause = tables.jobs.outerjoin(tables.arrivals, _arrivals.job_id == _jobs.id)
    for name, step in steps.items():
        joined = joined.outerjoin(step, (step.c.job_id == _jobs.id) & (step.c.step == name))
    return query.select_from(joined)


def _job_hops(row: Any) -> JobHops:
    return JobHops(row.id, row.project, row.workflow, row.state, row.ended_at, tuple(_hops(row)))


def _hops(row: Any) -> Iterator[Hop]:
    before: float | None = None
    for name in HOPS:
        at = getattr(row, name)
        if at is not None:
            yield Hop(name, at, None if before is None else at - before)
            before = at
