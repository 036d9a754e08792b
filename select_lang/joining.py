"""Which series of a job take part in a combination that satisfies its checks.

The names are nodes, the comparisons between two names an edge, and an edge knows which series of one go with which of
the other. Series that go with none are dropped until nothing changes (A. Mackworth, Artificial Intelligence 8(1), 1977:
arc consistency). Where the edges make no circle, what is left takes part (E. Freuder, Journal of the ACM 29(1), 1982);
in a circle, combinations have to be tried, and that is limited.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from select_lang.catalogue import Series
from select_lang.distance import moments
from select_lang.rules import pair_truth
from select_lang.tree import AllOf, AnyOf, Join, Joins, Not

__all__ = ["TooManyCombinations", "taking_part", "ways"]

_MOST_TRIED = 20_000

_Found: TypeAlias = Mapping[str, Sequence[Series]]
_Way: TypeAlias = tuple[tuple[Join, bool], ...]
"""One way to satisfy a check: comparisons, and whether each must be true or (under a `not`) false."""


class TooManyCombinations(Exception):
    """The checks compare names in a circle, and too many combinations of their series would have to be tried."""


def taking_part(checks: Sequence[Joins], found: _Found) -> dict[str, tuple[Series, ...]] | None:
    """Drop the series that no satisfying combination needs.

    A combination takes one series for each name; it satisfies when every check is true. A series stays when some
    satisfying combination has it, so names that no check mentions keep all their series. Comparisons with a name that
    is not among `found` are left out of the checks.

    Returns
    -------
    dict or None
        What is left under each name, in the same order, or None when no combination satisfies.

    Raises
    ------
    TooManyCombinations
        It cannot be told in reasonable time.
    """
    asked = [left for joins in checks if (left := _without(joins, found)) is not None]
    staying: dict[str, set[str]] = {name: set() for name in found}
    for parts in itertools.product(*(_ways(joins, True) for joins in asked)):
        for name, uids in (_Network(sum(parts, ()), found).staying() or {}).items():
            staying[name] |= uids
    if found and not any(staying.values()):
        return None
    return {name: tuple(one for one in series if one.uid in staying[name]) for name, series in found.items()}


def ways(checks: Sequence[Joins]) -> int:
    """How many ways to satisfy the checks there are, each of which has to be tried."""
    return math.prod(_count(joins, True) for joins in checks)


def _without(joins: Joins, found: _Found) -> Joins | None:
    """A check without the comparisons of names that found nothing; None when nothing is left of it."""
    match joins:
        case Not(inner):
            left = _without(inner, found)
            return None if left is None else Not(left)
        case AllOf(parts) | AnyOf(parts):
            some = [left for part in parts if (left := _without(part, found)) is not None]
            if len(some) < 2:
                return some[0] if some else None
            return AllOf(tuple(some)) if isinstance(joins, AllOf) else AnyOf(tuple(some))
        case join:
            return join if {join.left.name, join.right.name} <= found.keys() else None


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


class _Network:
    """The names, and which of their series go together by one way to satisfy the checks."""

    def __init__(self, way: _Way, found: _Found) -> None:
        self._way = way
        self._by_uid = {one.uid: one for series in found.values() for one in series}
        self._left = {name: [one.uid for one in series] for name, series in found.items()}
        self._values = cache(lambda uid, attribute: moments(self._by_uid[uid], attribute))
        self._edges = self._goes_with()
        self._tried = 0

    def staying(self) -> dict[str, set[str]] | None:
        """The UIDs that take part under each name, or None when the way cannot be satisfied."""
        if not self._made_consistent():
            return None
        for circle in self._circles():
            if not self._tried_out(circle):
                return None
        # What a circle has let go of may have been the only company of series outside it.
        return {name: set(uids) for name, uids in self._left.items()} if self._made_consistent() else None

    def _goes_with(self) -> dict[tuple[str, str], dict[str, set[str]]]:
        """For each pair of names that are compared, and each series of the first, those of the second it goes with."""
        edges: dict[tuple[str, str], dict[str, set[str]]] = {}
        compared: dict[tuple[str, str], list[tuple[Join, bool]]] = {}
        for join, wanted in self._way:
            pair = (join.left.name, join.right.name)
            compared.setdefault((min(pair), max(pair)), []).append((join, wanted))
        for (one, other), joins in compared.items():
            if one == other:
                self._left[one] = [
                    uid for uid in self._left[one] if self._together(joins, one, uid, one, uid)
                ]
                continue
            pairs = [
                (left, right)
                for left in self._left[one]
                for right in self._left[other]
                if self._together(joins, one, left, other, right)
            ]
            edges[one, other] = _grouped(pairs)
            edges[other, one] = _grouped((right, left) for left, right in pairs)
        return edges

    def _together(
        self, joins: Sequence[tuple[Join, bool]], one: str, left: str, other: str, right: str
    ) -> bool:
        uids = {one: left, other: right}
        return all(
            pair_truth(
                join, *(self._values(uids[side.name], side.attribute) for side in (join.left, join.right))
            )
            is wanted
            for join, wanted in joins
        )

    def _made_consistent(self) -> bool:
        """Drop what goes with nothing that is left, until nothing changes; False when a name has nothing left."""
        changed = True
        while changed:
            changed = False
            for (one, other), goes_with in self._edges.items():
                there = set(self._left[other])
                kept = [uid for uid in self._left[one] if not there.isdisjoint(goes_with.get(uid, ()))]
                changed = changed or len(kept) < len(self._left[one])
                self._left[one] = kept
        return all(self._left.values())

    def _circles(self) -> list[tuple[str, ...]]:
        """The names that are compared in a circle, each circle with all that hangs together with it."""
        neighbours: dict[str, set[str]] = {}
        for one, other in self._edges:
            neighbours.setdefault(one, set()).add(other)
        # Names with one neighbour left are leaves; without them only circles, and what lies between, remain.
        while leaves := [name for name, others in neighbours.items() if len(others) < 2]:
            for name in leaves:
                for other in neighbours.pop(name):
                    neighbours.get(other, set()).discard(name)
        return _connected(neighbours)

    def _tried_out(self, names: tuple[str, ...]) -> bool:
        """Keep of a circle's names what takes part in some combination; False when there is none."""
        staying: dict[str, set[str]] = {name: set() for name in names}
        for name in names:
            for uid in self._left[name]:
                # One combination that has it is enough; the others in that combination stay with it.
                if uid not in staying[name]:
                    for other, taken in (self._completed({name: uid}, names) or {}).items():
                        staying[other].add(taken)
            if not staying[name]:
                return False
        for name in names:
            self._left[name] = [uid for uid in self._left[name] if uid in staying[name]]
        return True

    def _completed(self, taken: dict[str, str], names: tuple[str, ...]) -> dict[str, str] | None:
        """The first combination that begins with what is taken."""
        self._tried += 1
        if self._tried > _MOST_TRIED:
            raise TooManyCombinations
        open_names = [name for name in names if name not in taken]
        if not open_names:
            return taken
        # The name with the fewest series left to choose from comes next.
        possible = {name: self._possible(name, taken) for name in open_names}
        name = min(open_names, key=lambda one: len(possible[one]))
        for uid in possible[name]:
            if combination := self._completed({**taken, name: uid}, names):
                return combination
        return None

    def _possible(self, name: str, taken: Mapping[str, str]) -> list[str]:
        allowed = [
            self._edges[other, name].get(uid, set())
            for other, uid in taken.items()
            if (other, name) in self._edges
        ]
        return [uid for uid in self._left[name] if all(uid in some for some in allowed)]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    grouped: dict[str, set[str]] = {}
    for one, other in pairs:
        grouped.setdefault(one, set()).add(other)
    return grouped


def _connected(neighbours: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """The connected parts of a graph, each in the order of its nodes."""
    parts, seen = [], set[str]()
    for name in neighbours:
        if name in seen:
            continue
        part, waiting = {name}, [name]
        while waiting:
            more = neighbours[waiting.pop()] - part
            part |= more
            waiting += more
        seen |= part
        parts.append(tuple(one for one in neighbours if one in part))
    return parts
