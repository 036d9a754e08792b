"""What is free on all hosts while jobs are placed: where one fits best, and where there is room for it soonest.

Jobs that need the same fit in the same places, so each place is looked at once for each kind of job, and again only
when something has changed there: with 500 hosts, nearly all of them never.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from ror.engine.capacity import Host, Needs, Room

__all__ = ["Reservation", "Rooms", "Running"]

# A program that is told to end at its limit has a grace, and a job its staging before.
_STAGED_AND_ENDED_SECONDS = 60.0

_Waste = tuple[bool, float, float, str]


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


@dataclass(slots=True)
class Reservation:
    """Room that is kept for a job: when it is there at the latest, and what is free then beside what lasts longer."""

    needs: Needs
    on_gpu: bool
    at: float
    room: Room


@dataclass(slots=True)
class _Choice:
    """Where jobs of one kind fit, the best first; entries of rooms that have changed since are stale."""

    best: list[tuple[_Waste, int]] = field(default_factory=list)
    looked_at: int = 0  # so many of all changes


class Rooms:
    """The rooms of all hosts at one time, and those that are kept for jobs that fit nowhere yet."""

    def __init__(self, hosts: Sequence[Host], running: Iterable[Running], now: float) -> None:
        self._now = now
        self._rooms = {host.name: Room.of(host) for host in hosts}
        self._on: dict[str, list[Running]] = defaultdict(list)
        for one in running:
            if one.host in self._rooms:
                self._rooms[one.host].take(one.needs, one.gpu)
                self._on[one.host].append(one)
        for of_host in self._on.values():
            of_host.sort(key=_ends_by)
        self._kept: dict[str, Reservation] = {}  # by host
        self._suiting: dict[tuple[Needs, bool], list[Host]] = {}
        self._choices: dict[tuple[Needs, bool], _Choice] = defaultdict(_Choice)
        self._changes = list(self._rooms)
        self._version = dict.fromkeys(self._rooms, 0)

    @property
    def kept(self) -> int:
        """How many reservations there are."""
        return len(self._kept)

    def suited(self, needs: Needs) -> list[Host]:
        """The hosts that could run it: those with a card for it, else, if it may, those without."""
        on_gpu = self.on_gpu(needs)
        return self._suiting[needs, on_gpu]

    def on_gpu(self, needs: Needs) -> bool:
        """Whether the job gets a card: always where it wants one and there is any that it could ever have."""
        key = needs, needs.gpu
        if key not in self._suiting:
            hosts = [room.host for room in self._rooms.values()]
            self._suiting[key] = [host for host in hosts if not host.lacks(needs, gpu=needs.gpu)]
            if needs.gpu and needs.cpu_fallback:
                self._suiting[needs, False] = [host for host in hosts if host.suits(needs)]
        return needs.gpu and not (needs.cpu_fallback and not self._suiting[key])

    def best(self, needs: Needs) -> Room | None:
        """Where it fits best and delays no reservation."""
        on_gpu = self.on_gpu(needs)
        choice = self._choices[needs, on_gpu]
        for name in dict.fromkeys(self._changes[choice.looked_at :]):
            if self._fits(room := self._rooms[name], needs, on_gpu):
                heappush(choice.best, (_waste(room, needs), self._version[name]))
        choice.looked_at = len(self._changes)
        while choice.best:
            (*_, name), version = choice.best[0]
            if version == self._version[name]:
                return self._rooms[name]
            heappop(choice.best)
        return None

    def start(self, room: Room, one: Running) -> None:
        """Let a job hold what it needs of a room, from now on."""
        room.take(one.needs, one.gpu)
        kept = self._kept.get(one.host)
        if kept is not None and one.ends_by > kept.at:
            kept.room.take(one.needs, one.gpu)
        insort(self._on[one.host], one, key=_ends_by)  # it may end after others that are waited for
        self._changed(one.host)

    def keep(self, needs: Needs) -> tuple[str, float] | None:
        """Keep room for it on the host where there is some soonest: the host, and when. None if others keep all."""
        on_gpu = self.on_gpu(needs)
        soonest: Reservation | None = None
        for host in self.suited(needs):
            if host.name not in self._kept:
                soonest = self._soonest(host.name, needs, on_gpu, soonest) or soonest
        if soonest is None:
            return None
        name = soonest.room.host.name
        self._kept[name] = soonest
        self._changed(name)
        return name, soonest.at

    def _changed(self, host: str) -> None:
        self._version[host] += 1
        self._changes.append(host)

    def _fits(self, room: Room, needs: Needs, on_gpu: bool) -> bool:
        fits = room.has_for(needs, gpu=on_gpu) and not room.host.lacks(needs, gpu=on_gpu)
        return fits and self._leaves_kept(room, needs, on_gpu)

    def _leaves_kept(self, room: Room, needs: Needs, on_gpu: bool) -> bool:
        """Whether the job that has a reservation here could begin by then all the same."""
        kept = self._kept.get(room.host.name)
        ends_by = self._now + needs.seconds + _STAGED_AND_ENDED_SECONDS
        if kept is None or not needs.slots or ends_by <= kept.at:
            return True
        gpu = room.card_for(needs) if on_gpu else None
        kept.room.take(needs, gpu)
        leaves = kept.room.has_for(kept.needs, gpu=kept.on_gpu)
        kept.room.free(needs, gpu)
        return leaves

    def _soonest(
        self, host: str, needs: Needs, on_gpu: bool, other: Reservation | None
    ) -> Reservation | None:
        """When there is room on a host at the latest; None if that is not before it is on another."""
        room, at = None, self._now
        for one in self._on[host]:
            at = max(at, one.ends_by)
            if other is not None and (at, host) > (other.at, other.room.host.name):
                return None
            room = self._rooms[host].copy() if room is None else room
            room.free(one.needs, one.gpu)
            if room.has_for(needs, gpu=on_gpu):
                return Reservation(needs, on_gpu, at, room)
        return None


def _ends_by(one: Running) -> float:
    return one.ends_by


def _waste(room: Room, needs: Needs) -> _Waste:
    """Hosts with cards are left to those that want one; of others, the one that is filled most."""
    host = room.host
    cpus_left = (room.cpus - needs.cpus) / max(host.cpus, 1e-6)
    memory_left = (room.memory_mib - needs.memory_mib) / max(host.memory_mib, 1)
    return bool(host.gpus) and not needs.gpu, cpus_left + memory_left, -room.slots, host.name
