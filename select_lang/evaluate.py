"""Statement + catalogue → matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from select_lang.catalogue import Match, NamedSeries, Series
from select_lang.choosing import Found, Shortfall, choose, closest_of, counted_and_picked, in_turn
from select_lang.limiting import left_out
from select_lang.ordering import Place, place
from select_lang.rules import rules_truth
from select_lang.tree import Level, Statement, Where

__all__ = ["Group", "evaluate", "groups", "groups_of", "looks_at_patients", "matches_of", "names_of"]

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
    limit = statement.select.limit
    gathered: list[Group] = []
    for _patient, some in groupby(sorted(catalogue, key=_patient_and_place), key=lambda one: one.patient_id):
        series = tuple(some)
        without = left_out(limit, series) if limit else frozenset()
        looked_at = [one for one in series if one.study_uid not in without]
        found = _found(statement.select.wheres, looked_at, names)
        gathered += _of_patient(statement, series, found, without)
    return tuple(gathered)


def _patient_and_place(series: Series) -> tuple[str, Place]:
    return series.patient_id, place(series)


def _of_patient(
    statement: Statement, series: tuple[Series, ...], found: Found, without: frozenset[str]
) -> Iterator[Group]:
    if looks_at_patients(statement):
        yield _group(statement, series[0].patient_id, series, found, without)
        return
    wheres = statement.select.wheres
    for study_uid in dict.fromkeys(one.study_uid for one in series):
        # What is to be closest to a series of the study may come from any other.
        of_study = tuple(
            some if where.choice.closest else tuple(one for one in some if one.study_uid == study_uid)
            for where, some in zip(wheres, found, strict=True)
        )
        own = tuple(one for one in series if one.study_uid == study_uid)
        yield _group(statement, study_uid, own, of_study, without & {study_uid})


def looks_at_patients(statement: Statement) -> bool:
    """Whether a group is all that a patient has; else it is a study."""
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


def _found(
    wheres: Sequence[Where], series: Sequence[Series], names: Callable[[Series], Sequence[int]]
) -> Found:
    found: list[list[Series]] = [[] for _ in wheres]
    for one in series:
        for number in names(one):
            found[number].append(one)
    return tuple(tuple(of_where) for of_where in found)


def _group(
    statement: Statement, key: str, series: tuple[Series, ...], found: Found, without: frozenset[str]
) -> Group:
    select = statement.select
    alone = statement.level is Level.SERIES
    kept = _of_series_level(select.wheres, found) if alone else choose(select, found)
    return Group(key, series, found, kept, without)


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
    named = (
        NamedSeries(where.called, series.uid, series.study_uid)
        for where, of_where in zip(wheres, found, strict=True)
        for series in of_where
    )
    return tuple(dict.fromkeys(named))  # wheres without a name share one, and a series has it once
