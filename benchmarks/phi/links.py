"""What belonged together before must after: UIDs, patients, days between dates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from benchmarks.phi.implant import Planted
from benchmarks.phi.values import values_at

__all__ = ["Links"]

_UID: Final = re.compile(r"'([0-9.]{9,64})'")
_DAY: Final = re.compile(r"'(\d{4})(\d{2})(\d{2})(?:\d{6}(?:\.\d+)?(?:[+-]\d{4})?)?'")
_STANDARD: Final = "1.2.840.10008."
_PATIENT: Final = "(0010,0020)"


@dataclass
class Links:
    """Pairs of old and new, over all objects that came out."""

    uids: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    patients: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    shifts: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, one: Planted, out: bytes) -> None:
        """Pair the values of one object, where as many stand at a path as before."""
        before, after = values_at(one.data), values_at(out)
        self.patients[one.patient].update(after[_PATIENT])
        for path, olds in before.items():
            news = after.get(path, ())
            if len(news) != len(olds):
                continue
            for old, new in zip(olds, news, strict=True):
                self._pair(one.patient, old, new)

    def _pair(self, patient: str, old: str, new: str) -> None:
        was, now = _UID.fullmatch(old), _UID.fullmatch(new)
        if was and now and "." in old and not was[1].startswith(_STANDARD):
            self.uids[was[1]].add(now[1])
        before, after = _day(old), _day(new)
        if before and after:
            self.shifts[patient].add((after - before).days)

    @property
    def broken(self) -> list[str]:
        """What does not hold any more, in words."""
        return list(self._broken())

    def _broken(self) -> Iterator[str]:
        for name, pairs in (("UID", self.uids), ("patient", self.patients)):
            if any(len(news) != 1 for news in pairs.values()):
                yield f"one {name} became several"
            if len(set().union(*pairs.values())) < len(pairs):
                yield f"several {name}s became one"
        if any(len(days) != 1 for days in self.shifts.values()):
            yield "days between dates changed"

    @property
    def identities(self) -> set[str]:
        """All new UIDs and patients."""
        return set().union(*self.uids.values(), *self.patients.values())


def _day(value: str) -> date | None:
    match = _DAY.fullmatch(value)
    try:
        return None if match is None else date(*(int(part) for part in match.groups()))
    except ValueError:
        return None
