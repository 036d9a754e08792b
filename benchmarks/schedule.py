"""A day of jobs on many hosts, simulated: `ror.engine.placement` beside first-in-first-out, over the same jobs.

Nothing runs: time is a number. Jobs arrive more often by day, a third want cards, and one of their projects queues
a fifth of all at once; programs end earlier than their limit. Both place at the same moments, every half minute, and
know of the length of a program no more than its limit.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.scale import Scale
from ror.engine.capacity import Gpu, Host, Needs, Room
from ror.engine.placement import Line, Plan, Priority, Rules, Running, Start, Waiting, place

__all__ = ["measure"]


_TICK = 30.0
_HOUR = 3600.0
_FIRST_OF_LINE = 64
_URGENT = 0.02
_MOST_OF_A_HOST = 200
# What workflows ask for, how long their programs run (seconds, median), and how many of a hundred jobs are theirs.
_WORKFLOWS: Mapping[str, tuple[Needs, float, int]] = {
    "measure": (Needs(cpus=1.0, memory_mib=2_000, seconds=300.0), 20.0, 40),
    "register": (Needs(cpus=4.0, memory_mib=8_000, seconds=1800.0), 240.0, 22),
    "segment": (Needs(cpus=2.0, memory_mib=8_000, gpu=True, gpu_memory_mib=8_000, seconds=900.0), 60.0, 25),
    "ensemble": (Needs(cpus=4.0, memory_mib=24_000, gpu=True, seconds=3600.0), 600.0, 9),
    "cohort": (Needs(cpus=16.0, memory_mib=56_000, seconds=7200.0), 1500.0, 4),
}
_PROJECTS = {"flood": 0.2, "lungs": 0.3, "brain": 0.3, "heart": 0.15, "pilot": 0.05}


@dataclass(frozen=True, slots=True)
class _Job:
    id: str
    project: str
    workflow: str
    priority: Priority
    arrives: float
    runs: float


@dataclass(slots=True)
class _Told:
    """What became of the jobs: how long each waited, how much was in use, and what placing took (seconds)."""

    waited: dict[Priority, list[float]] = field(default_factory=lambda: defaultdict(list))
    of_project: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    used: float = 0.0
    looked: int = 0
    seconds: float = 0.0

    @property
    def in_use(self) -> float:
        """The part of all cores that was in use at the moments at which jobs waited for room."""
        return self.used / max(self.looked, 1)


Policy = Callable[[Sequence[Host], Iterable[Running], Sequence[Line], float, Rules], Plan]


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """For each number of hosts: use, waiting, fairness, and what placing itself takes."""
    return [
        figure
        for hosts in scale.hosts
        for figure in _of(hosts, min(scale.scheduled, _MOST_OF_A_HOST * hosts))
    ]


def _of(count: int, jobs: int) -> list[Figure]:
    hosts = [_host(number) for number in range(count)]
    made = _jobs(jobs, hosts)
    ours, theirs = _simulate(hosts, made, place), _simulate(hosts, made, _first_in_first_out)
    fifo, of = "first in, first out", f"{count} hosts, {jobs:,} jobs"
    figures = [
        Figure(f"{of}: cores in use while jobs waited", 100 * ours.in_use, "%", fifo, 100 * theirs.in_use),
    ]
    for priority in (Priority.URGENT, Priority.NORMAL):
        for name, quantile in (("median", 0.5), ("95th percentile", 0.95)):
            mine, other = (_quantile(told.waited[priority], quantile) for told in (ours, theirs))
            figures.append(Figure(f"… {priority.name.lower()} jobs waited, {name}", mine, "s", fifo, other))
    slowest = [max(map(statistics.fmean, told.of_project.values())) for told in (ours, theirs)]
    small = [statistics.fmean(told.of_project["pilot"]) for told in (ours, theirs)]
    figures.append(Figure("… the smallest project waited, mean", small[0], "s", fifo, small[1]))
    figures.append(Figure("… the project that waited longest, mean", slowest[0], "s", fifo, slowest[1]))
    figures.append(
        Figure("… time to place one job", 1e6 * ours.seconds / jobs, "µs", fifo, 1e6 * theirs.seconds / jobs)
    )
    return figures


def _quantile(values: Sequence[float], part: float) -> float:
    """The value that so many of them are below."""
    return sorted(values)[int(part * (len(values) - 1))] if values else 0.0


def _host(number: int) -> Host:
    """Of five, two have cards; sixteen cores and 64 GiB each."""
    cards = (Gpu("0", 24_000), Gpu("1", 24_000)) if number % 5 in (0, 3) else ()
    return Host(f"host{number:03}", 16, 16.0, 64_000, cards)


def _jobs(count: int, hosts: Sequence[Host]) -> list[_Job]:
    """As many as told, over so long that the hosts have 80 % of what they can do to do."""
    chance = random.Random(1)
    names = list(_WORKFLOWS)
    weights = [many for _, _, many in _WORKFLOWS.values()]
    drawn = [
        (chance.choices(names, weights)[0], chance.choices(list(_PROJECTS), list(_PROJECTS.values()))[0])
        for _ in range(count)
    ]
    lengths = [
        min(_WORKFLOWS[name][1] * chance.lognormvariate(0.0, 0.5), _WORKFLOWS[name][0].seconds)
        for name, _ in drawn
    ]
    shares = {name: _share(needs, hosts) for name, (needs, _, _) in _WORKFLOWS.items()}
    span = sum(shares[name] * length for (name, _), length in zip(drawn, lengths, strict=True)) / 0.8
    made = []
    for number, ((workflow, project), runs) in enumerate(zip(drawn, lengths, strict=True)):
        at = span * 0.1 if project == "flood" else span * chance.betavariate(2.0, 2.0)
        priority = Priority.URGENT if chance.random() < _URGENT else Priority.NORMAL
        made.append(_Job(f"{number:06}", project, workflow, priority, at, runs))
    return sorted(made, key=lambda job: job.arrives)


def _share(needs: Needs, hosts: Sequence[Host]) -> float:
    """The part of all hosts that suit."""
    suiting = [host.share(needs) for host in hosts if host.suits(needs)]
    return sum(suiting) / len(suiting) / len(suiting) if suiting else 0.0


def _simulate(hosts: Sequence[Host], jobs: Sequence[_Job], policy: Policy) -> _Told:
    state = _State(hosts, policy)
    arriving = deque(jobs)
    now = 0.0
    while arriving or state.busy:
        if not state.busy:
            now = max(now, arriving[0].arrives)
        while arriving and arriving[0].arrives <= now:
            state.arrive(arriving.popleft())
        state.end(now)
        state.start(now)
        now += _TICK
    return state.finished()


class _State:
    """What waits and what runs, at one moment after the other."""

    def __init__(self, hosts: Sequence[Host], policy: Policy) -> None:
        self._hosts = hosts
        self._policy = policy
        self._lines: dict[tuple[str, str, Priority], deque[_Job]] = defaultdict(deque)
        self._reserved: dict[str, float] = {}
        self._running: dict[str, Running] = {}
        self._ends: list[tuple[float, str]] = []
        self._used: dict[str, float] = defaultdict(float)
        self._served: dict[tuple[str, str, Priority], float] = {}
        self._shares: dict[str, float] = {}
        self._last_use = 0.0
        self._told = _Told()

    @property
    def busy(self) -> bool:
        return bool(self._running) or any(self._lines.values())

    def arrive(self, job: _Job) -> None:
        self._lines[job.project, job.workflow, job.priority].append(job)

    def end(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            at, job = heappop(self._ends)
            one = self._running.pop(job)
            self._used[one.project] += self._shares.pop(job) * (at - one.since)
        # Half of what was used an hour ago counts.
        self._used = defaultdict(
            float, {k: v * 0.5 ** ((now - self._last_use) / _HOUR) for k, v in self._used.items()}
        )
        self._last_use = now

    def start(self, now: float) -> None:
        lines = [
            Line(
                project,
                workflow,
                _WORKFLOWS[workflow][0],
                [
                    Waiting(job.id, job.arrives, self._reserved.get(job.id))
                    for job in list(queue)[:_FIRST_OF_LINE]
                ],
                priority,
                self._served.get((project, workflow, priority), 0.0),
            )
            for (project, workflow, priority), queue in self._lines.items()
            if queue
        ]
        if not lines:
            return
        began = time.perf_counter()
        plan = self._policy(self._hosts, list(self._running.values()), lines, now, Rules(used=self._used))
        self._told.seconds += time.perf_counter() - began
        for job in plan.reserved:
            self._reserved.setdefault(job, now)
        placed = {start.job: start for start in plan.starts}
        for key, queue in self._lines.items():
            while queue and queue[0].id in placed:
                self._begin(queue.popleft(), placed, key, now)
        if any(self._lines.values()):
            used = sum(one.needs.cpus for one in self._running.values())
            self._told.used += used / sum(host.cpus for host in self._hosts)
            self._told.looked += 1

    def _begin(
        self, job: _Job, placed: Mapping[str, Start], key: tuple[str, str, Priority], now: float
    ) -> None:
        start = placed[job.id]
        needs = _WORKFLOWS[job.workflow][0]
        self._running[job.id] = Running(job.id, job.project, job.workflow, start.host, needs, now, start.gpu)
        self._shares[job.id] = start.share
        heappush(self._ends, (now + job.runs, job.id))
        self._served[key] = now
        self._told.waited[job.priority].append(now - job.arrives)
        self._told.of_project[job.project].append(now - job.arrives)

    def finished(self) -> _Told:
        return self._told


def _first_in_first_out(
    hosts: Sequence[Host], running: Iterable[Running], lines: Sequence[Line], _now: float, _rules: Rules
) -> Plan:
    """Whoever came first, wherever it fits; nobody passes who does not."""
    rooms = {host.name: Room.of(host) for host in hosts}
    for one in running:
        rooms[one.host].take(one.needs, one.gpu)
    waiting = sorted(
        ((job.since, job.job, line.needs) for line in lines for job in line.jobs), key=lambda one: one[:2]
    )
    starts = []
    for _, job, needs in waiting:
        room = next((room for room in rooms.values() if room.has_for(needs, gpu=needs.gpu)), None)
        if room is None:
            break
        gpu = room.card_for(needs) if needs.gpu else None
        room.take(needs, gpu)
        starts.append(Start(job, room.host.name, gpu, room.host.share(needs)))
    return Plan(tuple(starts), {})
