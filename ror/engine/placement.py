"""Which waiting job starts on which host now: a pure function of hosts, what runs, what waits, and the time.

Jobs of one project and workflow are alike and wait in one line, first come, first served. Urgent lines come before
normal ones, and these before those of off-peak hours. Within a class the project comes first that has used least of
its share lately. A job that fits nowhere now gets a *reservation*: the host and the time at which it will fit at the
latest, since every program has a time limit. Others may start meanwhile only where they do not move that time
(backfilling: Lifka 1995, the ANL/IBM SP scheduling system). A reservation, once made, comes before all else in its
class, and the next one belongs to the line that nobody has served for an hour, so no line is passed by for ever.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from ror.engine.capacity import Host, Needs
from ror.engine.rooms import Rooms, Running

__all__ = ["Line", "Plan", "Priority", "Rules", "Running", "Start", "Waiting", "place"]

_RESERVATIONS = 16
_PATIENCE_SECONDS = 3600.0
# What a start counts against its project until what it really uses is known (seconds of its part of a host).
_CHARGED_SECONDS = 60.0


class Priority(IntEnum):
    """Classes in the order in which they are served."""

    URGENT = 0
    NORMAL = 1
    OFF_PEAK = 2


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits since a time; `reserved_at` is when a reservation was first made for it."""

    job: str
    since: float
    reserved_at: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of one project and workflow that need the same, the one that waits longest first.

    `served_at` is when the last one of this line was started, if that is known.
    """

    project: str
    workflow: str
    needs: Needs
    jobs: Sequence[Waiting]
    priority: Priority = Priority.NORMAL
    served_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What administrators have set, and how much projects have used lately (seconds of a whole host).

    `caps` are the most programs of a workflow at once, `weights` the shares of projects (1 where not named).
    """

    caps: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    off_peak: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """A job starts on a host, with a card or on its processor alone."""

    job: str
    host: str
    gpu: str | None
    share: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What starts now; and for which jobs room is kept: the host, and when they start there at the latest."""

    starts: tuple[Start, ...]
    reserved: Mapping[str, tuple[str, float]]


def place(
    hosts: Sequence[Host], running: Iterable[Running], lines: Sequence[Line], now: float, rules: Rules
) -> Plan:
    """Decide what starts now. `hosts` are those that are alive and take jobs; jobs on others do not count.

    The first jobs of each line are enough; no line is read further than it starts.
    """
    placing = _Placing(hosts, tuple(running), now, rules)
    for priority in Priority:
        if priority is not Priority.OFF_PEAK or rules.off_peak:
            placing.serve([line for line in lines if line.priority is priority and line.jobs])
    return Plan(tuple(placing.starts), placing.reserved)


@dataclass(slots=True)
class _Queue:
    """A line, and how far it has been served in this pass."""

    line: Line
    served: int = 0

    @property
    def first(self) -> Waiting | None:
        return self.line.jobs[self.served] if self.served < len(self.line.jobs) else None


class _Placing:
    """One pass: what is free, and what was decided so far."""

    def __init__(self, hosts: Sequence[Host], running: Sequence[Running], now: float, rules: Rules) -> None:
        self._now = now
        self._rules = rules
        self._rooms = Rooms(hosts, running, now)
        self._of_workflow: Counter[str] = Counter()
        for one in running:
            self._of_workflow[one.workflow] += one.needs.slots
        self._used: dict[str, float] = defaultdict(float, rules.used)
        self.starts: list[Start] = []
        self.reserved: dict[str, tuple[str, float]] = {}

    def serve(self, lines: Sequence[Line]) -> None:
        """Start what can be started of the lines of one class."""
        keeping: set[str] = set()  # projects that have a reservation
        of_project: dict[str, list[_Queue]] = defaultdict(list)
        for queue in sorted(map(_Queue, lines), key=self._turn):
            if self._begun(queue, keeping):
                of_project[queue.line.project].append(queue)
        while of_project:
            project = min(of_project, key=self._due)
            if not self._serve_one(of_project[project], project, keeping):
                del of_project[project]

    def _turn(self, queue: _Queue) -> tuple[float, float, str]:
        """Before the fair order come those that have a reservation, and those that were not served for long."""
        first = queue.first
        assert first is not None
        reserved_at = float("inf") if first.reserved_at is None else first.reserved_at
        return reserved_at, max(first.since, queue.line.served_at), first.job

    def _begun(self, queue: _Queue, keeping: set[str]) -> bool:
        """Serve a line that comes before the fair order; False for one that has to wait."""
        reserved_at, unserved_since, _ = self._turn(queue)
        if reserved_at == float("inf") and self._now - unserved_since < _PATIENCE_SECONDS:
            return True
        if not self._may_start(queue):
            return False
        if not self._start(queue):
            self._reserve(queue, keeping)
            return False
        return True

    def _serve_one(self, queues: list[_Queue], project: str, keeping: set[str]) -> bool:
        """Start the first job of a project that can be; False when there is none."""
        queues[:] = [queue for queue in queues if queue.first is not None and self._may_start(queue)]
        while queues:
            queue = min(queues, key=_since)
            if self._start(queue):
                return True
            queues.remove(queue)
            if project not in keeping:
                self._reserve(queue, keeping)
        return False

    def _due(self, project: str) -> tuple[float, str]:
        return self._used[project] / self._rules.weights.get(project, 1.0), project

    def _may_start(self, queue: _Queue) -> bool:
        """Whether the workflow may run once more, and there is a host that could ever run it."""
        cap = self._rules.caps.get(queue.line.workflow)
        needs = queue.line.needs
        if cap is not None and needs.slots and self._of_workflow[queue.line.workflow] >= cap:
            return False
        return bool(self._rooms.suited(needs))

    def _start(self, queue: _Queue) -> bool:
        """Start the first job of a line where it fits best and delays no reservation."""
        line, first = queue.line, queue.first
        assert first is not None
        room = self._rooms.best(line.needs)
        if room is None:
            return False
        gpu = room.card_for(line.needs) if self._rooms.on_gpu(line.needs) else None
        host = room.host
        started = Running(first.job, line.project, line.workflow, host.name, line.needs, self._now, gpu)
        self._rooms.start(room, started)
        share = host.share(line.needs)
        self._used[line.project] += share * min(line.needs.seconds, _CHARGED_SECONDS)
        self._of_workflow[line.workflow] += line.needs.slots
        self.starts.append(Start(first.job, host.name, gpu, share))
        queue.served += 1
        return True

    def _reserve(self, queue: _Queue, keeping: set[str]) -> None:
        """Keep the room for the first job of a line that is free soonest, if others do not have all there is."""
        first = queue.first
        assert first is not None
        if self._rooms.kept < _RESERVATIONS and (kept := self._rooms.keep(queue.line.needs)):
            self.reserved[first.job] = kept
            keeping.add(queue.line.project)


def _since(queue: _Queue) -> tuple[float, str]:
    assert queue.first is not None
    return queue.first.since, queue.first.job
