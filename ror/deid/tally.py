"""What became of files: counts, tag paths and reasons, never a value and never the name of a file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from anonymizer import Report, ResearchInstance

__all__ = ["Outcome", "Tally", "Undone"]

_ITEM = re.compile(r"\[\d+\]")


class Outcome(StrEnum):
    """Why a file has no counterpart: it should have had one, or it is nothing that could have."""

    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Undone:
    """A file that did not come out. `path` is for the operator's list only; it may name a patient."""

    path: str
    outcome: Outcome
    reason: str
    what: str
    advice: str
    tag: str = ""


@dataclass(slots=True)
class Tally:
    """Counts over any number of files; those of several processes add up.

    Attributes
    ----------
    written, present
        Objects that are in the folder since this run, and since before: from an earlier run, or of another copy.
    undone, told
        Files by outcome and reason; what each reason means, and what to do.
    tags
        By reason and tag path, where a refusal named one.
    actions
        Attributes by what was done with them (`anonymizer.Report`).
    removed, cleaned
        Objects by tag path, without the numbers of items: ``(0008,1140)[*](0008,1155)``.
    """

    written: int = 0
    present: int = 0
    bytes_read: int = 0
    undone: Counter[tuple[Outcome, str]] = field(default_factory=Counter)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    tags: Counter[tuple[str, str]] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    sop_classes: Counter[str] = field(default_factory=Counter)
    patients: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)

    @property
    def files(self) -> int:
        """All files that were looked at."""
        return self.written + self.present + self.undone.total()

    def count(self, outcome: Outcome) -> int:
        """Files of one outcome, for whatever reason."""
        return sum(number for (its, _reason), number in self.undone.items() if its is outcome)

    def add(self, research: ResearchInstance, report: Report, *, new: bool) -> None:
        """Count an object that is in the folder."""
        if new:
            self.written += 1
        else:
            self.present += 1
        self.actions.update(report.counts)
        self.removed.update(_places(report.removed))
        self.cleaned.update(_places(report.cleaned))
        self.sop_classes[research.sop_class_uid] += 1
        self.patients.add(research.patient_id)
        self.studies.add(research.study_instance_uid)
        self.series.add(research.series_instance_uid)

    def add_undone(self, undone: Undone) -> None:
        """Count a file that did not come out."""
        self.undone[undone.outcome, undone.reason] += 1
        self.told.setdefault(undone.reason, (undone.what, undone.advice))
        if undone.tag:
            self.tags[undone.reason, _ITEM.sub("[*]", undone.tag)] += 1

    def merge(self, other: Tally) -> None:
        """Add the counts of other files."""
        self.written += other.written
        self.present += other.present
        self.bytes_read += other.bytes_read
        for name in ("undone", "tags", "actions", "removed", "cleaned", "sop_classes"):
            getattr(self, name).update(getattr(other, name))
        for name in ("patients", "studies", "series"):
            getattr(self, name).update(getattr(other, name))
        self.told = other.told | self.told


@lru_cache(maxsize=256)
def _places(paths: tuple[str, ...]) -> frozenset[str]:
    """Paths without the numbers of items, once each; the objects of a series have the same ones."""
    return frozenset(_ITEM.sub("[*]", path) for path in paths)
