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

from ror.engine.capacity import Host, Needs, Room

__all__ = ["Line", "Plan", "Priority", "Rules", "Running", "Start", "Waiting", "place"]

_RESERVATIONS = 16
_PATIENCE_SECONDS = 3600.0
# What a start counts against its project until what it really uses is known (seconds of its part of a host).
_CHARGED_SECONDS = 60.0
# A program that is told to end at its limit has a grace, and a job its staging before.
_STAGED_AND_ENDED_SECONDS = 60.0


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
class Running:
    """A job that holds what it needs of a host since a time; `gpu` is the card that it was given."""

    job: str
    project: str
    workflow: str
    host: str
    needs: Needs
    since: float
    gpu: str | None = None

    @property
    def ends_by(self) -> float:
        """When it holds nothing any more for certain."""
        return self.since + self.needs.seconds + _STAGED_AND_ENDED_SECONDS


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
class _Reservation:
    """Room that is kept for a job: when it is there at the latest, and what is free then beside what lasts longer."""

    needs: Needs
    on_gpu: bool
    at: float
    room: Room


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
        self._rooms = {host.name: Room.of(host) for host in hosts}
        self._on: dict[str, list[Running]] = defaultdict(list)
        self._of_workflow: Counter[str] = Counter()
        self._used: dict[str, float] = defaultdict(float, rules.used)
        for one in running:
            self._of_workflow[one.workflow] += one.needs.slots
            if one.host in self._rooms:
                self._rooms[one.host].take(one.needs, one.gpu)
                self._on[one.host].append(one)
        self._open = [room for room in self._rooms.values() if room.slots > 0]
        self._kept: dict[str, _Reservation] = {}  # by host
        self._suiting: dict[tuple[Needs, bool], list[Host]] = {}
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
        return bool(self._suited(needs))

    def _suited(self, needs: Needs) -> list[Host]:
        """The hosts that could run it: those with a card for it, else, if it may, those without."""
        on_gpu = self._on_gpu(needs)
        return self._suiting[needs, on_gpu]

    def _on_gpu(self, needs: Needs) -> bool:
        """Whether the job gets a card: always where it wants one and there is any that it could ever have."""
        key = needs, needs.gpu
        if key not in self._suiting:
            hosts = [room.host for room in self._rooms.values()]
            self._suiting[key] = [host for host in hosts if not host.lacks(needs, gpu=needs.gpu)]
            if needs.gpu and needs.cpu_fallback:
                self._suiting[needs, False] = [host for host in hosts if host.suits(needs)]
        return needs.gpu and not (needs.cpu_fallback and not self._suiting[key])

    def _start(self, queue: _Queue) -> bool:
        """Start the first job of a line where it fits best and delays no reservation."""
        needs, first = queue.line.needs, queue.first
        assert first is not None
        on_gpu = self._on_gpu(needs)
        rooms = self._open if needs.slots else self._rooms.values()
        fitting = [
            room
            for room in rooms
            if room.has_for(needs, gpu=on_gpu)
            and not room.host.lacks(needs, gpu=on_gpu)
            and self._leaves_kept(room, needs, on_gpu)
        ]
        if not fitting:
            return False
        room = min(fitting, key=lambda one: _waste(one, needs))
        gpu = room.card_for(needs) if on_gpu else None
        self._take(room, needs, gpu)
        share = room.host.share(needs)
        self._used[queue.line.project] += share * min(needs.seconds, _CHARGED_SECONDS)
        self._of_workflow[queue.line.workflow] += needs.slots
        self.starts.append(Start(first.job, room.host.name, gpu, share))
        # It may end after others that are waited for.
        self._on[room.host.name].append(
            Running(first.job, queue.line.project, queue.line.workflow, room.host.name, needs, self._now, gpu)
        )
        queue.served += 1
        return True

    def _take(self, room: Room, needs: Needs, gpu: str | None) -> None:
        room.take(needs, gpu)
        kept = self._kept.get(room.host.name)
        if kept is not None and self._now + needs.seconds + _STAGED_AND_ENDED_SECONDS > kept.at:
            kept.room.take(needs, gpu)
        if room.slots <= 0:
            self._open = [one for one in self._open if one.slots > 0]

    def _leaves_kept(self, room: Room, needs: Needs, on_gpu: bool) -> bool:
        """Whether the job that has a reservation here could begin by then all the same."""
        kept = self._kept.get(room.host.name)
        if (
            kept is None
            or not needs.slots
            or self._now + needs.seconds + _STAGED_AND_ENDED_SECONDS <= kept.at
        ):
            return True
        gpu = room.card_for(needs) if on_gpu else None
        kept.room.take(needs, gpu)
        leaves = kept.room.has_for(kept.needs, gpu=kept.on_gpu)
        kept.room.free(needs, gpu)
        return leaves

    def _reserve(self, queue: _Queue, keeping: set[str]) -> None:
        """Keep the room for the first job of a line that is free soonest, if others do not have all there is."""
        needs, first = queue.line.needs, queue.first
        assert first is not None
        on_gpu = self._on_gpu(needs)
        hosts = [host.name for host in self._suited(needs) if host.name not in self._kept]
        if len(self._kept) >= _RESERVATIONS:
            return
        found = [one for host in hosts if (one := self._soonest(host, needs, on_gpu))]
        if found:
            soonest = min(found, key=lambda one: (one.at, one.room.host.name))
            self._kept[soonest.room.host.name] = soonest
            self.reserved[first.job] = soonest.room.host.name, soonest.at
            keeping.add(queue.line.project)

    def _soonest(self, host: str, needs: Needs, on_gpu: bool) -> _Reservation | None:
        room, at = self._rooms[host].copy(), self._now
        for one in sorted(self._on[host], key=lambda running: running.ends_by):
            room.free(one.needs, one.gpu)
            at = max(at, one.ends_by)
            if room.has_for(needs, gpu=on_gpu):
                return _Reservation(needs, on_gpu, at, room)
        return None


def _since(queue: _Queue) -> tuple[float, str]:
    assert queue.first is not None
    return queue.first.since, queue.first.job


def _waste(room: Room, needs: Needs) -> tuple[bool, float, float, str]:
    """Hosts with cards are left to those that want one; of others, the one that is filled most."""
    host = room.host
    cpus_left = (room.cpus - needs.cpus) / max(host.cpus, 1e-6)
    memory_left = (room.memory_mib - needs.memory_mib) / max(host.memory_mib, 1)
    return bool(host.gpus) and not needs.gpu, cpus_left + memory_left, -room.slots, host.name
