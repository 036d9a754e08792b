"""Statement + catalogue → matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from select_lang.attributes import Kind
from select_lang.catalogue import Match, NamedSeries, Series
from select_lang.joining import taking_part
from select_lang.rules import rules_truth
from select_lang.tree import Level, Statement
from select_lang.values import read_value

__all__ = ["Group", "evaluate", "groups", "matches_of"]

_PROJECT_KEY = "project"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The series that a statement looks at together: those of one study, or of one patient.

    `found` has, for every `where` of the statement, the series that went to it. `kept` is the same after the checks; it
    is None when the group makes no job: a `where` found nothing, or the checks hold for no combination.
    """

    key: str
    series: tuple[Series, ...]
    found: tuple[tuple[Series, ...], ...]
    kept: tuple[tuple[Series, ...], ...] | None


def evaluate(statement: Statement, catalogue: Iterable[Series]) -> tuple[Match, ...]:
    """Every job that a statement makes of a catalogue.

    The order of the catalogue does not matter: matches come by patient, date, time and number of their first
    series, and so do the series within a name.
    """
    return matches_of(statement, groups(statement, catalogue))


def matches_of(statement: Statement, all_groups: Sequence[Group]) -> tuple[Match, ...]:
    """The jobs of all groups."""
    names = [where.called for where in statement.select.wheres]
    kept = [(group.key, group.kept) for group in all_groups if group.kept is not None]
    match statement.level:
        case Level.SERIES:
            series = [named for _, found in kept for named in _named(names, found)]
            return tuple(Match(Level.SERIES, one.series_uid, (one,)) for one in series)
        case Level.STUDY | Level.PATIENT:
            return tuple(Match(statement.level, key, _named(names, found)) for key, found in kept)
        case Level.PROJECT:
            together = [
                tuple(one for _, found in kept for one in found[number]) for number in range(len(names))
            ]
            return (Match(Level.PROJECT, _PROJECT_KEY, _named(names, together)),) if kept else ()


def groups(statement: Statement, catalogue: Iterable[Series]) -> tuple[Group, ...]:
    """What a statement looks at together: studies for the levels series and study, patients for patient and project."""
    by_study = statement.level in (Level.SERIES, Level.STUDY)
    gathered: dict[str, list[Series]] = {}
    for series in sorted(catalogue, key=lambda one: (one.patient_id, *_order(one))):
        gathered.setdefault(series.study_uid if by_study else series.patient_id, []).append(series)
    return tuple(_group(statement, key, tuple(series)) for key, series in gathered.items())


def _group(statement: Statement, key: str, series: tuple[Series, ...]) -> Group:
    found = _found(statement, series)
    if statement.level is Level.SERIES:
        return Group(key, series, found, found)
    if not all(found):
        return Group(key, series, found, None)
    return Group(key, series, found, _checked(statement, found))


def _found(statement: Statement, series: Sequence[Series]) -> tuple[tuple[Series, ...], ...]:
    """The series of every `where`: each goes to the first whose rules hold for it."""
    wheres = statement.select.wheres
    found: list[list[Series]] = [[] for _ in wheres]
    for one in series:
        for number, where in enumerate(wheres):
            if rules_truth(where.rules, one):
                found[number].append(one)
                break
    return tuple(tuple(of_where) for of_where in found)


def _checked(
    statement: Statement, found: Sequence[tuple[Series, ...]]
) -> tuple[tuple[Series, ...], ...] | None:
    if not statement.select.checks:
        return tuple(found)
    names = [where.called for where in statement.select.wheres]
    # Wheres that share a name have none, and no check can mention them.
    staying = taking_part(statement.select.checks, dict(zip(names, found, strict=True)))
    if staying is None:
        return None
    return tuple(
        of_where if names.count(name) > 1 else staying[name]
        for name, of_where in zip(names, found, strict=True)
    )


def _named(names: Sequence[str], found: Sequence[Sequence[Series]]) -> tuple[NamedSeries, ...]:
    return tuple(
        NamedSeries(name, series.uid, series.study_uid)
        for name, of_where in zip(names, found, strict=True)
        for series in of_where
    )


def _order(series: Series) -> tuple[tuple[bool, date], tuple[bool, time], tuple[bool, Decimal], str]:
    """By StudyDate, StudyTime, SeriesNumber and UID; what has no such value comes last."""
    day, hour, number = (
        read_value(kind, values[0]) if (values := series.values(keyword)) else None
        for keyword, kind in (
            ("StudyDate", Kind.DATE),
            ("StudyTime", Kind.TIME),
            ("SeriesNumber", Kind.NUMBER),
        )
    )
    return (
        (not isinstance(day, date), day if isinstance(day, date) else date.min),
        (not isinstance(hour, time), hour if isinstance(hour, time) else time.min),
        (not isinstance(number, Decimal), number if isinstance(number, Decimal) else Decimal(0)),
        series.uid,
    )
