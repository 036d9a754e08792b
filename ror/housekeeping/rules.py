"""Which of the things that may go do go: a pure function of what there is, the settings, the time and the free disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ror.config import HousekeepingSettings

__all__ = ["REMOVED", "Candidate", "Kind", "Removal", "Rules"]

REMOVED = "removed by housekeeping"
"""The event of the record; its detail is ``KIND NAME: the rule``."""
Kind: TypeAlias = Literal["job", "dead letter", "image", "study"]
_DAY_SECONDS = 86400.0
_MIB = 2**20
# For want of room nothing goes that somebody may be looking at now.
_LEAST_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that nothing needs, since when (seconds since the epoch), and how much room it takes."""

    kind: Kind
    name: str
    project: str
    pseudonym: str
    since: float
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """A candidate that goes, and why it may."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The section ``[housekeeping]``, at a time (seconds since the epoch), with so much free disk."""

    settings: HousekeepingSettings
    now: float
    free_bytes: int
    _order: tuple[Kind, ...] = field(default=("job", "study"), repr=False)

    def removals(self, candidates: Iterable[Candidate]) -> Iterator[Removal]:
        """What is too old; and, while there is too little room, the oldest job folders, then studies."""
        candidates = sorted(candidates, key=lambda one: one.since)
        free, young = self.free_bytes, []
        for one in candidates:
            days = self.days(one)
            if days and self.now - one.since >= days * _DAY_SECONDS:
                free += one.size_bytes
                yield Removal(one, f"kept for {days:g} days")
            elif self._may_go_early(one, days):
                young.append(one)
        for one in sorted(young, key=lambda one: self._order.index(one.kind)):
            if free >= self.settings.free_mib * _MIB:
                return
            free += one.size_bytes
            yield Removal(one, f"less than {self.settings.free_mib} MiB of disk are free")

    def days(self, one: Candidate) -> float:
        """How long such a thing of its project is kept; 0: for ever."""
        setting = {
            "job": "job_days",
            "dead letter": "failed_days",
            "image": "image_days",
            "study": "archive_days",
        }[one.kind]
        own = getattr(self.settings.projects.get(one.project), setting, None)
        return float(getattr(self.settings, setting) if own is None else own)

    def with_room(self, free_bytes: int) -> Rules:
        """The same with another amount of free disk."""
        return replace(self, free_bytes=free_bytes)

    def _may_go_early(self, one: Candidate, days: float) -> bool:
        """Studies only of projects that do not keep them for ever; dead letters and images never."""
        old_enough = self.now - one.since >= _LEAST_DAYS * _DAY_SECONDS
        return old_enough and (one.kind == "job" or (one.kind == "study" and bool(days)))
