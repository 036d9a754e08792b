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
from ror.engine.held import IS_LIVE
from ror.engine.hosts import HostRow, HostStore
from ror.engine.placement import Line, Plan, Priority, Rules, Running, Waiting, place
from ror.errors import RorError
from ror.model import JobState

__all__ = ["Order", "Placer", "Seen"]

_log = logging.getLogger(__name__)
_LATELY_SECONDS = 3600.0
# It reads all that was placed in the last hour, which may be a hundred thousand jobs: then less often.
_USE_IS_KNOWN_FOR_SECONDS = 5.0
_USE_IS_KNOWN_FOR_TIMES = 20
# So many of each line are enough for all that could start at once.
_FIRST_OF_LINE = 64

_hosts = tables.hosts.c
_jobs = tables.jobs.c
# Each is asked many times a second; made anew, it would take longer than its answer.
_PLACED = sa.and_(IS_LIVE, _jobs.host.is_not(None))
_UNPLACED = sa.and_(_jobs.state == JobState.QUEUED, _jobs.host.is_(None))
_WAITS = sa.select(_jobs.id).where(_UNPLACED).limit(1)
_WAITS_FOR_NO_ROOM = _WAITS.where(_jobs.released_at.is_not(None))
_BUSY = (
    sa.select(_jobs.host, sa.func.count()).where(_PLACED, _jobs.released_at.is_(None)).group_by(_jobs.host)
)
_SLOTS = sa.select(_hosts.name, _hosts.slots)
_RUNNING = sa.select(
    _jobs.id,
    _jobs.project,
    _jobs.workflow,
    _jobs.package_digest,
    _jobs.host,
    _jobs.gpu,
    _jobs.placed_at,
    _jobs.released_at,
).where(_PLACED)
_LINES = sa.select(_jobs.project, _jobs.workflow).distinct().where(_UNPLACED, _jobs.released_at.is_(None))
_WAITING = (
    sa.select(
        _jobs.id,
        _jobs.project,
        _jobs.workflow,
        _jobs.package_digest,
        _jobs.created_at,
        _jobs.reserved_at,
        _jobs.released_at,
    )
    .where(_UNPLACED)
    .order_by(_jobs.created_at)
    .limit(_FIRST_OF_LINE)
)
_RELEASED = _WAITING.where(_jobs.released_at.is_not(None))
_OF_LINE = _WAITING.where(
    _jobs.released_at.is_(None),
    _jobs.project == sa.bindparam("of_project"),
    _jobs.workflow == sa.bindparam("of_workflow"),
)
_PLACE = (
    tables.jobs.update()
    .where(_UNPLACED, _jobs.id == sa.bindparam("job"))
    .values({name: sa.bindparam(f"its_{name}") for name in ("host", "gpu")})
    .values(
        {
            # Of one whose program has ended, when and where that ran: it is what its project has used.
            name: sa.case((_jobs.released_at.is_(None), sa.bindparam(f"its_{name}")), else_=_jobs[name])
            for name in ("host_share", "placed_at")
        }
    )
)
_RESERVE = (
    tables.jobs.update()
    .where(_UNPLACED, _jobs.id == sa.bindparam("job"), _jobs.reserved_at.is_(None))
    .values(reserved_at=sa.bindparam("now"))
)


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
        self._used: tuple[float, float, Mapping[str, float], Mapping[tuple[str, str], float]]
        self._used = (0.0, 0.0, {}, {})

    def place(self, *, judge: bool) -> bool:
        """Give waiting jobs to hosts; with `judge`, first take those of hosts that are lost. False if others do it now.

        Who has lost sight of the database must not judge at once: the others may have, too.
        """
        if not self._is_something_to_do(judge):
            return True
        with self._database.alone("placement") as connection:
            if connection is None:
                return False
            rows = self._hosts.rows(connection) if judge else []
            if judge and (taken := self._hosts.take_from_the_lost(connection, rows)):
                lost = [row.host.name for row in rows if not row.alive and row.jobs]
                told = ", ".join(lost) or "removed ones"
                _log.warning("hosts are lost (%s); their jobs go on elsewhere: %s", told, ", ".join(taken))
            self._write(connection, self._seen(connection, time.time()).plan())
        return True

    def seen(self) -> Seen:
        """What there is to place, and where."""
        with self._database.read() as connection:
            return self._seen(connection, time.time())

    def taken(self) -> tuple[Sequence[HostRow], Sequence[Running]]:
        """All hosts, and what runs on them, however much waits."""
        with self._database.read() as connection:
            return self._hosts.rows(connection), self._running(connection, time.time())

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
        with self._database.read() as connection:
            # While all are busy, which is mostly so, only who wants no room is looked for.
            waits = _WAITS if self._is_room(connection) else _WAITS_FOR_NO_ROOM
            is_some = connection.execute(waits).first() is not None
            if not is_some and judge:
                is_some = any(not row.alive and row.jobs for row in self._hosts.rows(connection))
            if is_some:
                self._lately(connection, time.time())  # now, since nobody is to wait for the lock meanwhile
            return is_some

    def _is_room(self, connection: sa.Connection) -> bool:
        """Whether any host has a slot that no program has."""
        busy: dict[Any, int] = dict(connection.execute(_BUSY).all())
        return any(busy.get(name, 0) < number for name, number in connection.execute(_SLOTS))

    def _write(self, connection: sa.Connection, plan: Plan) -> None:
        now = time.time()
        placed = [
            {
                "job": start.job,
                "its_host": start.host,
                "its_gpu": start.gpu,
                "its_host_share": start.share,
                "its_placed_at": now,
            }
            for start in plan.starts
        ]
        reserved = [{"job": job_id, "now": now} for job_id in plan.reserved]
        for statement, values in ((_PLACE, placed), (_RESERVE, reserved)):
            if values:
                connection.execute(statement, values)

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
            for row in connection.execute(_RUNNING)
        ]

    def _needs_of(self, row: Any) -> Needs:
        return self.needs(row.workflow, row.package_digest) if row.released_at is None else BEHIND_THE_RUN

    def _lately(
        self, connection: sa.Connection, now: float
    ) -> tuple[Mapping[str, float], Mapping[tuple[str, str], float]]:
        """What projects have used in the last hour with programs that have ended; when lines were last served."""
        known_at, until, used, served = self._used
        if known_at <= now < until:
            return used, served
        began = time.monotonic()
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
        known_for = max(_USE_IS_KNOWN_FOR_SECONDS, _USE_IS_KNOWN_FOR_TIMES * (time.monotonic() - began))
        self._used = now, now + known_for, of_project, of_line
        return of_project, of_line

    def _lines(self, connection: sa.Connection, served: Mapping[tuple[str, str], float]) -> list[Line]:
        """The first jobs of each line, that wait longest."""
        # Line by line, since an index leads to the first of each, however many wait.
        lines = [
            {"of_project": row.project, "of_workflow": row.workflow} for row in connection.execute(_LINES)
        ]
        rows = [*connection.execute(_RELEASED)]
        for line in lines:
            rows += connection.execute(_OF_LINE, line)
        found: dict[tuple[str, str, Needs], list[Waiting]] = defaultdict(list)
        for row in rows:
            waiting = Waiting(row.id, row.created_at, row.reserved_at)
            found[row.project, row.workflow, self._needs_of(row)].append(waiting)
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
