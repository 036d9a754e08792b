"""Which series of a job take part in a combination that satisfies its checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias

from select_lang.catalogue import Series
from select_lang.logic import Truth
from select_lang.rules import join_truth
from select_lang.tree import AllOf, AnyOf, Join, Joins, Not

__all__ = ["taking_part", "ways"]

_Found: TypeAlias = Mapping[str, Sequence[Series]]
_Way: TypeAlias = tuple[tuple[Join, bool], ...]
"""One way to satisfy a check: comparisons, and whether each must be true or (under a `not`) false."""


def taking_part(checks: Sequence[Joins], found: _Found) -> dict[str, tuple[Series, ...]] | None:
    """Drop the series that no satisfying combination needs.

    A combination takes one series for each name; it satisfies when every check is true. A series stays when some
    satisfying combination has it, so names that no check mentions keep all their series. Comparisons with a name that
    is not among `found` are not asked.

    Returns
    -------
    dict or None
        What is left under each name, in the same order, or None when no combination satisfies.
    """
    staying: dict[str, set[str]] = {name: set() for name in found}
    all_ways = [sum(parts, ()) for parts in itertools.product(*(_ways(joins, True) for joins in checks))]
    for way in all_ways:
        asked = tuple(
            (join, wanted) for join, wanted in way if {join.left.name, join.right.name} <= found.keys()
        )
        for name, uids in _Search(asked, found).staying().items():
            staying[name] |= uids
    if found and not any(staying.values()):
        return None
    return {name: tuple(one for one in series if one.uid in staying[name]) for name, series in found.items()}


def ways(checks: Sequence[Joins]) -> int:
    """How many ways to satisfy the checks there are, each of which has to be tried."""
    return math.prod(_count(joins, True) for joins in checks)


def _ways(joins: Joins, wanted: bool) -> list[_Way]:
    """Every way in which a condition becomes true (or false), by De Morgan's laws and distribution."""
    match joins:
        case Not(inner):
            return _ways(inner, not wanted)
        case AllOf(parts) | AnyOf(parts) if isinstance(joins, AllOf) is wanted:
            return [sum(way, ()) for way in itertools.product(*(_ways(part, wanted) for part in parts))]
        case AllOf(parts) | AnyOf(parts):
            return [way for part in parts for way in _ways(part, wanted)]
        case join:
            return [((join, wanted),)]


def _count(joins: Joins, wanted: bool) -> int:
    match joins:
        case Not(inner):
            return _count(inner, not wanted)
        case AllOf(parts) | AnyOf(parts) if isinstance(joins, AllOf) is wanted:
            return math.prod(_count(part, wanted) for part in parts)
        case AllOf(parts) | AnyOf(parts):
            return sum(_count(part, wanted) for part in parts)
        case _:
            return 1


class _Search:
    """Looks for combinations that satisfy one way, name by name."""

    def __init__(self, way: _Way, found: _Found) -> None:
        self.way, self.found = way, found
        self.names = list(dict.fromkeys(side.name for join, _ in way for side in (join.left, join.right)))
        self.by_uid = {one.uid: one for series in found.values() for one in series}
        self.truth = cache(self._truth)

    def staying(self) -> dict[str, set[str]]:
        """The UIDs that take part under each name; nothing under any when the way cannot be satisfied."""
        staying: dict[str, set[str]] = {name: set() for name in self.names}
        for name in self.names:
            for series in self.found[name]:
                # One combination that has it is enough; the others in that combination stay with it.
                if series.uid not in staying[name]:
                    for other, uid in (self._completed({name: series.uid}) or {}).items():
                        staying[other].add(uid)
            if not staying[name]:
                return {}
        free = {
            name: {one.uid for one in series} for name, series in self.found.items() if name not in staying
        }
        return staying | free

    def _completed(self, taken: dict[str, str]) -> dict[str, str] | None:
        """The first combination that begins with what is taken."""
        if not all(self._holds(join, wanted, taken) for join, wanted in self.way):
            return None
        name = next((name for name in self.names if name not in taken), None)
        if name is None:
            return taken
        tries = (self._completed({**taken, name: series.uid}) for series in self.found[name])
        return next((combination for combination in tries if combination is not None), None)

    def _holds(self, join: Join, wanted: bool, taken: dict[str, str]) -> bool:
        left, right = taken.get(join.left.name), taken.get(join.right.name)
        # Asked as soon as both names are taken, to stop early.
        return left is None or right is None or self.truth(join, left, right) is wanted

    def _truth(self, join: Join, left: str, right: str) -> Truth:
        return join_truth(join, {join.left.name: self.by_uid[left], join.right.name: self.by_uid[right]})
