"""Which of the series that fit their names make the job: checks, the closest, the number asked for, and the one picked.

Names are taken in the order of the statement, but a name that wants to be close to another comes after it. After each
that lets series go, the checks are asked again, so that what is left always holds together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from select_lang.catalogue import Series
from select_lang.distance import apart, moments
from select_lang.joining import TooManyCombinations, taking_part
from select_lang.ordering import last, place
from select_lang.tree import Closest, Pick, Preference, Select, Where
from select_lang.values import Value

__all__ = ["Found", "Shortfall", "choose", "closest_of", "counted_and_picked", "in_turn"]

Found: TypeAlias = tuple[tuple[Series, ...], ...]
"""The series of every `where`, in the order of the statement."""

_USUALLY_BY = {Preference.LARGEST: "NumImages", Preference.SMALLEST: "NumImages"}


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why fitting series make no job: the `where` at which it ended (None: at the checks), and what lacks there."""

    where: Where | None
    lacks: str = ""


def choose(select: Select, found: Found) -> Found | Shortfall:
    """Choose among the series that fit, or say why they make no job.

    `found` has, for every `where`, the series that went to it, in their order.
    """
    for where, series in zip(select.wheres, found, strict=True):
        if where.choice.required and not series:
            return Shortfall(where, "nothing fits")
    try:
        return _choose(select, found)
    except TooManyCombinations:
        return Shortfall(
            None, "its checks compare names in a circle, and there are too many series to try them all"
        )


def _choose(select: Select, found: Found) -> Found | Shortfall:
    kept = _holding_together(select, found)
    for number in in_turn(select.wheres):
        if kept is None:
            return Shortfall(None)
        chosen = _chosen(select.wheres[number], kept[number], _named(select, kept))
        if isinstance(chosen, Shortfall):
            return chosen
        kept = _with(select, kept, number, chosen)
    return Shortfall(None) if kept is None else _counted_again(select, kept)


def _with(select: Select, kept: Found, number: int, chosen: tuple[Series, ...]) -> Found | None:
    if chosen == kept[number]:
        return kept
    return _holding_together(select, (*kept[:number], chosen, *kept[number + 1 :]))


def _counted_again(select: Select, kept: Found) -> Found | Shortfall:
    """Names that have chosen later may have let go of series that were counted; one that was picked was so before."""
    for number, where in enumerate(select.wheres):
        if where.choice.count and not where.choice.pick and (kept[number] or where.choice.required):
            counted = counted_and_picked(where, kept[number])
            if isinstance(counted, Shortfall):
                left = _with(select, kept, number, ()) if where.choice.optional else None
                return counted if left is None else _counted_again(select, left)
    return kept


def in_turn(wheres: Sequence[Where]) -> tuple[int, ...]:
    """The numbers of the wheres in the order in which they choose: a name before those that want to be close to it."""
    by_name = {where.called: number for number, where in enumerate(wheres)}
    turns: dict[int, None] = {}

    def take(number: int) -> None:
        if number not in turns:
            closest = wheres[number].choice.closest
            if closest:
                take(by_name[closest.name])
            turns[number] = None

    for number in range(len(wheres)):
        take(number)
    return tuple(turns)


def closest_of(
    closest: Closest, candidates: Sequence[Series], anchors: Sequence[Series]
) -> tuple[Series, ...]:
    """For each anchor the candidate nearest to it, in the order of the candidates; none without values to compare.

    Of two equally near, one of the anchor's own study is taken, then the first.
    """
    nearest = {_nearest(closest.by, candidates, anchor) for anchor in anchors}
    return tuple(one for one in candidates if one.uid in nearest)


def _nearest(by: str, candidates: Sequence[Series], anchor: Series) -> str | None:
    value = _moment(anchor, by)
    if value is None:
        return None
    measured = [
        (apart(value, other), one.study_uid != anchor.study_uid, number)
        for number, one in enumerate(candidates)
        if one.uid != anchor.uid and (other := _moment(one, by)) is not None
    ]
    return candidates[min(measured)[2]].uid if measured else None


def _chosen(
    where: Where, series: tuple[Series, ...], named: Mapping[str, tuple[Series, ...]]
) -> tuple[Series, ...] | Shortfall:
    choice = where.choice
    taken = _taken(where, series, named)
    return () if isinstance(taken, Shortfall) and choice.optional else taken


def _taken(
    where: Where, series: tuple[Series, ...], named: Mapping[str, tuple[Series, ...]]
) -> tuple[Series, ...] | Shortfall:
    choice = where.choice
    if choice.closest and series:
        near = closest_of(choice.closest, series, named[choice.closest.name])
        if not near:
            return Shortfall(
                where, f"none can be told to be closest to {choice.closest.name} by {choice.closest.by}"
            )
        series = near
    return counted_and_picked(where, series)


def counted_and_picked(where: Where, series: tuple[Series, ...]) -> tuple[Series, ...] | Shortfall:
    """The series that a name takes of those that fit it, each name for itself."""
    choice = where.choice
    if choice.count and not choice.count.holds(len(series)):
        asked = f"{'at least' if choice.count.at_least else 'exactly'} {choice.count.number}"
        return Shortfall(where, f"{asked} must fit, and {len(series)} {'does' if len(series) == 1 else 'do'}")
    if choice.pick and series:
        return (_picked(choice.pick, series),)
    return series


def _picked(pick: Pick, series: Sequence[Series]) -> Series:
    by = pick.by or _USUALLY_BY.get(pick.preference)
    valued = [(_moment(one, by), one) for one in series] if by else [(None, one) for one in series]
    with_value: list[tuple[Any, Series]] = [(value, one) for value, one in valued if value is not None]
    newest = pick.preference is Preference.NEWEST
    if not with_value:  # nothing to prefer one by but the order in which they were acquired
        return last(series) if newest else min(series, key=place)
    best = (max if newest or pick.preference is Preference.LARGEST else min)(value for value, _ in with_value)
    equal = [one for value, one in with_value if value == best]
    return last(equal) if newest else min(equal, key=place)


def _moment(series: Series, by: str) -> Value | None:
    return next(iter(moments(series, by)), None)


def _named(select: Select, kept: Found) -> dict[str, tuple[Series, ...]]:
    # Wheres that share a name have none, and nothing can refer to them.
    return {where.called: series for where, series in zip(select.wheres, kept, strict=True)}


def _holding_together(select: Select, found: Found) -> Found | None:
    """What is left of every name by the checks; None when they cannot be satisfied without a name that is required.

    An optional name that cannot be satisfied together with the required ones has found nothing. The comparisons of a
    name that has found nothing are not asked.
    """
    if not select.checks:
        return found
    names = [where.called for where in select.wheres]
    present = {name: series for name, series in _named(select, found).items() if series}
    staying = taking_part(select.checks, present)
    if staying is None:
        staying = _without_some(select, present)
    if staying is None:
        return None
    return tuple(
        series if names.count(name) > 1 else staying.get(name, ())
        for name, series in zip(names, found, strict=True)
    )


def _without_some(
    select: Select, present: Mapping[str, tuple[Series, ...]]
) -> dict[str, tuple[Series, ...]] | None:
    optional = [where.called for where in select.wheres if where.choice.optional and where.called in present]
    trying = {name: series for name, series in present.items() if name not in optional}
    staying = taking_part(select.checks, trying)
    for name in optional if staying is not None else ():
        more = {**trying, name: present[name]}
        satisfied = taking_part(select.checks, more)
        if satisfied is not None:
            trying, staying = more, satisfied
    return staying
