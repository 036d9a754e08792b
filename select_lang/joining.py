"""Which series of a job take part in a combination that satisfies its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from select_lang.catalogue import Series
from select_lang.logic import conjuncts, leaves
from select_lang.rules import joins_truth
from select_lang.tree import Joins

__all__ = ["taking_part"]

_Found: TypeAlias = Mapping[str, Sequence[Series]]


def taking_part(checks: Sequence[Joins], found: _Found) -> dict[str, tuple[Series, ...]] | None:
    """Drop the series that no satisfying combination needs.

    A combination takes one series for each name that the checks mention; it satisfies when every check is true. A
    series stays when some satisfying combination has it. Names that no check mentions keep all their series.

    Returns
    -------
    dict or None
        What is left under each name, or None when no combination satisfies.
    """
    conditions = [part for joins in checks for part in conjuncts(joins)]
    names = list(dict.fromkeys(name for condition in conditions for name in _names(condition)))
    staying: set[tuple[str, str]] = set()
    for name in names:
        for series in found[name]:
            # One combination that has it is enough; the others in that combination stay with it.
            if (name, series.uid) not in staying:
                others = [other for other in names if other != name]
                combination = next(_combinations({name: series}, others, conditions, found), {})
                staying.update((other, one.uid) for other, one in combination.items())
    if names and not staying:
        return None
    return {
        name: tuple(one for one in series if name not in names or (name, one.uid) in staying)
        for name, series in found.items()
    }


def _names(condition: Joins) -> set[str]:
    return {side.name for join in leaves(condition) for side in (join.left, join.right)}


def _combinations(
    taken: dict[str, Series], open_names: list[str], conditions: list[Joins], found: _Found
) -> Iterator[dict[str, Series]]:
    """Every way to complete `taken`; a condition is asked as soon as all its names are taken, to stop early."""
    if not all(joins_truth(one, taken) for one in conditions if _names(one) <= taken.keys()):
        return
    if not open_names:
        yield taken
        return
    name, *rest = open_names
    for series in found[name]:
        yield from _combinations({**taken, name: series}, rest, conditions, found)
