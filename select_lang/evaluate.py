"""Statement + catalogue → matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from select_lang.catalogue import Match, NamedSeries, Series
from select_lang.choosing import Found, Shortfall, choose, closest_of, counted_and_picked, in_turn
from select_lang.limiting import left_out
from select_lang.ordering import place
from select_lang.rules import rules_truth
from select_lang.tree import Level, Statement, Where

__all__ = ["Group", "by_patient", "evaluate", "groups", "groups_of", "matches_of", "names_of"]

_PROJECT_KEY = "project"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The series that a statement looks at together: those of one study, or of one patient.

    `found` has, for every `where` of the statement, the series that went to it. `kept` is the same after checks and
    choices, or says why the group makes no job. `left_out` are studies that a limit keeps from being looked at.
    """

    key: str
    series: tuple[Series, ...]
    found: Found
    kept: Found | Shortfall
    left_out: frozenset[str] = frozenset()


def evaluate(statement: Statement, catalogue: Iterable[Series]) -> tuple[Match, ...]:
    """Every job that a statement makes of a catalogue.

    The order of the catalogue does not matter: matches come by patient, date, time and number of their first
    series, and so do the series within a name.
    """
    return matches_of(statement, groups(statement, catalogue))


def matches_of(statement: Statement, all_groups: Iterable[Group]) -> tuple[Match, ...]:
    """The jobs of all groups."""
    select = statement.select
    kept = [(group.key, group.kept) for group in all_groups if not isinstance(group.kept, Shortfall)]
    match statement.level:
        case Level.SERIES:
            return tuple(match for _, found in kept for match in _of_each_series(select.wheres, found))
        case Level.STUDY | Level.PATIENT:
            matches = (Match(statement.level, key, _named(select.wheres, found)) for key, found in kept)
            return tuple(match for match in matches if match.series)
        case Level.PROJECT:
            together = [
                tuple(one for _, found in kept for one in found[number])
                for number in range(len(select.wheres))
            ]
            match = Match(Level.PROJECT, _PROJECT_KEY, _named(select.wheres, together))
            return (match,) if match.series else ()


def groups(statement: Statement, catalogue: Iterable[Series]) -> tuple[Group, ...]:
    """What a statement looks at together: studies, or all of a patient where the series of a job may be of several."""
    wheres = statement.select.wheres
    return groups_of(statement, catalogue, lambda series: names_of(wheres, series))


def groups_of(
    statement: Statement, catalogue: Iterable[Series], names: Callable[[Series], Sequence[int]]
) -> tuple[Group, ...]:
    """`groups`, where it is known which names a series has: the numbers of their wheres."""
    series = sorted(catalogue, key=lambda one: (one.patient_id, place(one)))
    limit = statement.select.limit
    without = left_out(limit, series) if limit else frozenset()
    gathered: dict[str, list[Series]] = {}
    for one in series:
        gathered.setdefault(one.patient_id if by_patient(statement) else one.study_uid, []).append(one)
    return tuple(_group(statement, key, tuple(some), without, names) for key, some in gathered.items())


def by_patient(statement: Statement) -> bool:
    """Whether the series of a job may be of several studies."""
    if statement.level is Level.SERIES:
        return any(where.choice.closest for where in statement.select.wheres)
    return statement.level is not Level.STUDY


def names_of(wheres: Sequence[Where], series: Series) -> list[int]:
    """The names that a series has: that of the first `where` whose rules hold for it, and all that are shared."""
    names: list[int] = []
    taken = False
    for number, where in enumerate(wheres):
        if (where.choice.shared or not taken) and rules_truth(where.rules, series):
            names.append(number)
            taken = taken or not where.choice.shared
    return names


def _group(
    statement: Statement,
    key: str,
    series: tuple[Series, ...],
    without: frozenset[str],
    names: Callable[[Series], Sequence[int]],
) -> Group:
    select = statement.select
    found: list[list[Series]] = [[] for _ in select.wheres]
    for one in series:
        for number in () if one.study_uid in without else names(one):
            found[number].append(one)
    of_names = tuple(tuple(of_where) for of_where in found)
    alone = statement.level is Level.SERIES
    kept = _of_series_level(select.wheres, of_names) if alone else choose(select, of_names)
    return Group(key, series, of_names, kept, without & {one.study_uid for one in series})


def _of_series_level(wheres: Sequence[Where], found: Found) -> Found:
    """Where each series is a job of its own, the names of a group do not need one another."""
    chosen = (
        series if where.choice.closest else counted_and_picked(where, series)
        for where, series in zip(wheres, found, strict=True)
    )
    return tuple(() if isinstance(series, Shortfall) else series for series in chosen)


def _of_each_series(wheres: Sequence[Where], kept: Found) -> Iterator[Match]:
    """One job for each series of a name that seeks no company, with the series that are closest to it."""
    for where, series in zip(wheres, kept, strict=True):
        if where.choice.closest is None:
            for one in series:
                company = _company(wheres, kept, where, one)
                if company is not None:
                    yield Match(Level.SERIES, one.uid, _named(wheres, company))


def _company(wheres: Sequence[Where], kept: Found, alone: Where, series: Series) -> Found | None:
    job: dict[str, tuple[Series, ...]] = {alone.called: (series,)}
    for number in in_turn(wheres):
        where = wheres[number]
        closest = where.choice.closest
        if closest and closest.name in job:
            job[where.called] = closest_of(closest, kept[number], job[closest.name])
            if not job[where.called] and where.choice.required:
                return None
    # Wheres without a name share one, and the series is of only one of them.
    return tuple(
        (series,) if where is alone else () if where.called == alone.called else job.get(where.called, ())
        for where in wheres
    )


def _named(wheres: Sequence[Where], found: Sequence[Sequence[Series]]) -> tuple[NamedSeries, ...]:
    return tuple(
        NamedSeries(where.called, series.uid, series.study_uid)
        for where, of_where in zip(wheres, found, strict=True)
        for series in of_where
    )
