"""Giving waiting jobs to hosts: what the database knows, through `ror.engine.placement`, back into the database.

Any worker does it, one at a time: nothing of it is remembered outside the database but what a workflow needs, and how
much projects have used, which is looked up again every few seconds.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from datetime import time as time_of_day
from typing import Any

import sqlalchemy as sa

from containers import ContainersError, Package
from ror.db import Database, tables
from ror.engine.capacity import BEHIND_THE_RUN, Host, Needs
from ror.engine.held import LIVE
from ror.engine.hosts import HostRow, HostStore
from ror.engine.placement import Line, Plan, Priority, Rules, Running, Waiting, place
from ror.errors import RorError
from ror.model import JobState

__all__ = ["Order", "Placer", "Seen"]

_log = logging.getLogger(__name__)
_LATELY_SECONDS = 3600.0
_USE_IS_KNOWN_FOR_SECONDS = 5.0
# So many of each line are enough for all that could start at once.
_FIRST_OF_LINE = 64

_hosts = tables.hosts.c
_jobs = tables.jobs.c


@dataclass(frozen=True, slots=True)
class Order:
    """Which jobs come first, as the settings say: for each workflow its class and its cap, for each project its share.

    `off_peak` are the hours, in local time, for those workflows that wait for them.
    """

    off_peak: tuple[time_of_day, time_of_day]
    priorities: Mapping[str, Priority] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def is_off_peak(self, now: float) -> bool:
        """Whether it is one of these hours."""
        begin, end = self.off_peak
        at = datetime.fromtimestamp(now).time()
        return begin <= at < end if begin < end else at >= begin or at < end


@dataclass(frozen=True, slots=True)
class Seen:
    """What is to be known to place jobs: all hosts, what runs, and the first jobs of each line."""

    now: float
    hosts: Sequence[HostRow]
    running: Sequence[Running]
    lines: Sequence[Line]
    rules: Rules

    @property
    def takers(self) -> Sequence[Host]:
        """The hosts that jobs may be given to."""
        return [row.host for row in self.hosts if row.alive and not row.drained]

    def plan(self) -> Plan:
        """What would start now."""
        return place(self.takers, self.running, self.lines, self.now, self.rules)


class Placer:
    """Places jobs; `packages` gives the package of a workflow by its name and digest."""

    def __init__(
        self, database: Database, hosts: HostStore, packages: Callable[[str, str], Package], order: Order
    ) -> None:
        self._database = database
        self._hosts = hosts
        self._packages = packages
        self._order = order
        self._needs: dict[tuple[str, str], Needs] = {}
        self._used: tuple[float, Mapping[str, float], Mapping[tuple[str, str], float]] = (0.0, {}, {})

    def place(self, *, judge: bool) -> bool:
        """Give waiting jobs to hosts; with `judge`, first take those of hosts that are lost. False if others do it now.

        Who has lost sight of the database must not judge at once: the others may have, too.
        """
        if not self._is_something_to_do(judge):
            return True
        with self._database.alone("placement") as connection:
            if connection is None:
                return False
            if judge and (lost := self._hosts.take_from_the_lost(connection, self._hosts.rows(connection))):
                _log.warning("hosts are lost; their jobs go on elsewhere: %s", ", ".join(lost))
            self._write(connection, self._seen(connection, time.time()).plan())
        return True

    def seen(self) -> Seen:
        """What there is to place, and where."""
        with self._database.read() as connection:
            return self._seen(connection, time.time())

    def needs(self, workflow: str, digest: str) -> Needs:
        """What a workflow asks for; of one whose package cannot be read, nothing: its job will say why."""
        known = self._needs.get((workflow, digest))
        if known is None:
            try:
                asked = self._packages(workflow, digest).manifest.resources
            except (RorError, ContainersError):
                return Needs()
            known = self._needs[workflow, digest] = Needs(
                cpus=asked.cpus,
                memory_mib=asked.memory_mib,
                gpu=asked.gpu,
                gpu_memory_mib=asked.gpu_memory_mib if asked.gpu else 0,
                cpu_fallback=asked.cpu_fallback,
                labels=frozenset(asked.labels),
                seconds=asked.timeout_s,
            )
        return known

    def _is_something_to_do(self, judge: bool) -> bool:
        """Without the lock: mostly nothing waits, and nobody is silent."""
        waiting = sa.select(_jobs.id).where(_jobs.state == JobState.QUEUED, _jobs.host.is_(None))
        with self._database.read() as connection:
            # While all are busy, which is mostly so, only who wants no room is looked for.
            if not self._is_room(connection):
                waiting = waiting.where(_jobs.released_at.is_not(None))
            if connection.execute(waiting.limit(1)).first() is not None:
                return True
            return judge and any(not row.alive and row.jobs for row in self._hosts.rows(connection))

    def _is_room(self, connection: sa.Connection) -> bool:
        """Whether any host has a slot that no program has."""
        taken = sa.func.count().label("taken")
        holding = _jobs.state.in_(LIVE), _jobs.host.is_not(None), _jobs.released_at.is_(None)
        busy: dict[Any, int] = dict(
            connection.execute(sa.select(_jobs.host, taken).where(*holding).group_by(_jobs.host)).all()
        )
        slots = connection.execute(sa.select(_hosts.name, _hosts.slots))
        return any(busy.get(name, 0) < number for name, number in slots)

    def _write(self, connection: sa.Connection, plan: Plan) -> None:
        now = time.time()
        unplaced = tables.jobs.update().where(_jobs.state == JobState.QUEUED, _jobs.host.is_(None))
        for start in plan.starts:
            placed = {"host": start.host, "gpu": start.gpu, "host_share": start.share, "placed_at": now}
            connection.execute(unplaced.where(_jobs.id == start.job).values(placed))
        for job_id in plan.reserved:
            first = unplaced.where(_jobs.id == job_id, _jobs.reserved_at.is_(None))
            connection.execute(first.values(reserved_at=now))

    def _seen(self, connection: sa.Connection, now: float) -> Seen:
        hosts = self._hosts.rows(connection)
        running = self._running(connection, now)
        used, served = self._lately(connection, now)
        totals = defaultdict(float, used)
        for one in running:
            host = next((row.host for row in hosts if row.host.name == one.host), None)
            if host is not None:
                totals[one.project] += host.share(one.needs) * max(0.0, now - one.since)
        order = self._order
        rules = Rules(order.caps, order.weights, totals, order.is_off_peak(now))
        return Seen(now, hosts, running, self._lines(connection, served), rules)

    def _running(self, connection: sa.Connection, now: float) -> list[Running]:
        query = sa.select(
            _jobs.id,
            _jobs.project,
            _jobs.workflow,
            _jobs.package_digest,
            _jobs.host,
            _jobs.gpu,
            _jobs.placed_at,
            _jobs.released_at,
        ).where(_jobs.state.in_(LIVE), _jobs.host.is_not(None))
        return [
            Running(
                row.id,
                row.project,
                row.workflow,
                row.host,
                self._needs_of(row),
                now if row.placed_at is None else row.placed_at,
                row.gpu if row.released_at is None else None,
            )
            for row in connection.execute(query)
        ]

    def _needs_of(self, row: Any) -> Needs:
        return self.needs(row.workflow, row.package_digest) if row.released_at is None else BEHIND_THE_RUN

    def _lately(
        self, connection: sa.Connection, now: float
    ) -> tuple[Mapping[str, float], Mapping[tuple[str, str], float]]:
        """What projects have used in the last hour with programs that have ended; when lines were last served."""
        known_at, used, served = self._used
        if known_at <= now < known_at + _USE_IS_KNOWN_FOR_SECONDS:
            return used, served
        ended_at = sa.func.coalesce(_jobs.released_at, _jobs.ended_at)
        seconds = sa.func.sum((ended_at - _jobs.placed_at) * _jobs.host_share)
        # As plain columns they would be read in the order of their own index, all that ever ran.
        empty: sa.ColumnElement[str] = sa.literal_column("''")
        line = (_jobs.project.concat(empty), _jobs.workflow.concat(empty))
        query = (
            sa.select(*line, seconds, sa.func.max(_jobs.placed_at))
            .where(_jobs.placed_at > now - _LATELY_SECONDS)
            .group_by(*line)
        )
        of_project: dict[str, float] = defaultdict(float)
        of_line: dict[tuple[str, str], float] = {}
        for project, workflow, total, last in connection.execute(query):
            of_project[project] += total or 0.0
            of_line[project, workflow] = last
        self._used = now, of_project, of_line
        return of_project, of_line

    def _lines(self, connection: sa.Connection, served: Mapping[tuple[str, str], float]) -> list[Line]:
        """The first jobs of each line, that wait longest."""
        job = sa.select(
            _jobs.id,
            _jobs.project,
            _jobs.workflow,
            _jobs.package_digest,
            _jobs.created_at,
            _jobs.reserved_at,
            _jobs.released_at,
        ).order_by(_jobs.created_at)
        job = job.where(_jobs.state == JobState.QUEUED, _jobs.host.is_(None))
        # Line by line, since an index leads to the first of each, however many wait.
        names = sa.select(_jobs.project, _jobs.workflow).distinct()
        names = names.where(_jobs.state == JobState.QUEUED, _jobs.host.is_(None), _jobs.released_at.is_(None))
        queries = [job.where(_jobs.released_at.is_not(None))] + [
            job.where(_jobs.released_at.is_(None), _jobs.project == project, _jobs.workflow == workflow)
            for project, workflow in connection.execute(names).all()
        ]
        found: dict[tuple[str, str, Needs], list[Waiting]] = defaultdict(list)
        for query in queries:
            for row in connection.execute(query.limit(_FIRST_OF_LINE)):
                line = row.project, row.workflow, self._needs_of(row)
                found[line].append(Waiting(row.id, row.created_at, row.reserved_at))
        return [
            Line(
                project,
                workflow,
                needs,
                jobs,
                # Who only waits to deliver is in nobody's way.
                self._order.priorities.get(workflow, Priority.NORMAL) if needs.slots else Priority.URGENT,
                served.get((project, workflow), 0.0),
            )
            for (project, workflow, needs), jobs in found.items()
        ]
