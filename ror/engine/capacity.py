"""What a host has, what a run needs of it, and how much of a host is free: arithmetic that knows no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["BEHIND_THE_RUN", "Gpu", "Host", "Needs", "Room"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card: its id as the host's driver knows it, and its memory (MiB)."""

    id: str
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job holds of a host from its placement until its program has ended.

    Memory in MiB; `seconds` is the time limit of the program, after which it holds nothing for certain. A GPU without
    `gpu_memory_mib` is the job's alone. `slots` is 0 for a job whose program has ended: it needs a host, and no room.
    Its output is in the `folder` that hosts share, which some have not.
    """

    cpus: float = 1.0
    memory_mib: int = 0
    gpu: bool = False
    gpu_memory_mib: int = 0
    cpu_fallback: bool = False
    labels: frozenset[str] = frozenset()
    seconds: float = 600.0
    slots: int = 1
    folder: bool = False


BEHIND_THE_RUN = Needs(cpus=0.0, seconds=0.0, slots=0, folder=True)
"""What a job needs whose program has ended: somebody who delivers and records."""


@dataclass(frozen=True, slots=True)
class Host:
    """A worker as it has told what it has: cores, memory (MiB), programs at once, jobs at once.

    One that has not the `folder` that hosts share asks the gateway for studies, and only runs programs.
    """

    name: str
    slots: int
    cpus: float
    memory_mib: int
    gpus: tuple[Gpu, ...] = ()
    labels: frozenset[str] = frozenset()
    in_flight: int = 1024
    folder: bool = True

    def suits(self, needs: Needs) -> bool:
        """Whether the job could run here if nothing else did; on its processor, if that is all it can be given."""
        return self.lacks(needs, gpu=needs.gpu and not needs.cpu_fallback) == ""

    def lacks(self, needs: Needs, *, gpu: bool) -> str:
        """What of the host could never do, in words; "" where it suits. Cores are shared, so never too few."""
        if missing := needs.labels - self.labels:
            return f"the label {', '.join(sorted(missing))}"
        if needs.folder and not self.folder:
            return "the home folder that hosts share, where its output is"
        if needs.memory_mib > self.memory_mib:
            return f"{needs.memory_mib} MiB of memory"
        if gpu and not self.gpus:
            return "a GPU"
        if gpu and all(card.memory_mib < needs.gpu_memory_mib for card in self.gpus):
            return f"a GPU with {needs.gpu_memory_mib} MiB"
        return ""

    def share(self, needs: Needs) -> float:
        """The part of the host that nobody else can use meanwhile: of whatever the job takes most of."""
        parts = [needs.slots / self.slots]
        if self.cpus > 0:
            parts.append(min(needs.cpus / self.cpus, 1.0))
        if self.memory_mib > 0:
            parts.append(needs.memory_mib / self.memory_mib)
        if needs.gpu and self.gpus:
            total = sum(card.memory_mib for card in self.gpus)
            parts.append((needs.gpu_memory_mib or total / len(self.gpus)) / max(total, 1))
        return max(parts)


@dataclass(slots=True)
class Room:
    """What of a host is free."""

    host: Host
    slots: int
    cpus: float
    memory_mib: int
    in_flight: int
    gpus: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, host: Host, held: Iterable[tuple[Needs, str | None]] = ()) -> Room:
        """The room on a host beside what jobs hold: their needs, and the card that they were given."""
        cards = {card.id: card.memory_mib for card in host.gpus}
        room = cls(host, host.slots, host.cpus, host.memory_mib, host.in_flight, cards)
        for needs, gpu in held:
            room.take(needs, gpu)
        return room

    def copy(self) -> Room:
        """A room of its own that is as free."""
        return Room(self.host, self.slots, self.cpus, self.memory_mib, self.in_flight, dict(self.gpus))

    def take(self, needs: Needs, gpu: str | None) -> None:
        """Let a job hold what it needs; its card, if it was given one."""
        self._give(needs, gpu, -1)

    def free(self, needs: Needs, gpu: str | None) -> None:
        """Have back what a job held."""
        self._give(needs, gpu, 1)

    def has_for(self, needs: Needs, *, gpu: bool) -> bool:
        """Whether the job fits beside the others now, on a card if `gpu`; the labels are the host's matter."""
        if self.in_flight < 1:
            return False
        # A tolerance, since 0.1 + 0.2 cores are no 0.3.
        fits = self.slots >= needs.slots and self.memory_mib >= needs.memory_mib
        fits = fits and self.cpus + 1e-6 >= min(needs.cpus, self.host.cpus)
        return fits and (not gpu or self.card_for(needs) is not None)

    def card_for(self, needs: Needs) -> str | None:
        """The card with the least free memory that is enough, so that others stay whole."""
        best = None
        for card in self.host.gpus:
            free = self.gpus[card.id]
            enough = free >= max(needs.gpu_memory_mib, 1) if needs.gpu_memory_mib else free == card.memory_mib
            if enough and (best is None or free < self.gpus[best]):
                best = card.id
        return best

    def _give(self, needs: Needs, gpu: str | None, sign: int) -> None:
        self.slots += sign * needs.slots
        self.cpus += sign * min(needs.cpus, self.host.cpus)
        self.memory_mib += sign * needs.memory_mib
        self.in_flight += sign
        if gpu in self.gpus:
            whole = next(card.memory_mib for card in self.host.gpus if card.id == gpu)
            self.gpus[gpu] += sign * (needs.gpu_memory_mib or whole)
