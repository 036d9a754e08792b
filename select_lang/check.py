"""Tree → checked tree: attributes exist, operators and values fit them, expressions compile, names are known.

Every fault is collected, so that an author sees all of them at once.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of, vr_of
from select_lang.distance import has_distance
from select_lang.errors import Fault, SelectError, fault_at
from select_lang.joining import ways
from select_lang.logic import leaves, rewrite
from select_lang.regexp import RegexpFault, compile_regexp
from select_lang.span import Span
from select_lang.tree import (
    UNNAMED,
    Between,
    Choice,
    Compare,
    Count,
    Everything,
    Exists,
    Join,
    Level,
    LineFilter,
    Listed,
    Missing,
    OneOf,
    Operator,
    Pick,
    Preference,
    Reference,
    Rule,
    Select,
    Statement,
    StudyLimit,
    Unit,
    Where,
)
from select_lang.values import read_value

__all__ = ["check"]

_ORDERING = {Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL}
_PATTERNS = {Operator.REGEXP, Operator.IREGEXP}
_ON_TEXT = {*_PATTERNS, Operator.STARTS_WITH}
_UNITS: dict[Kind, set[Unit | None]] = {
    Kind.DATE: {Unit.DAYS},
    Kind.TIME: {Unit.HOURS, Unit.MINUTES, Unit.SECONDS},
    Kind.DATETIME: {Unit.DAYS, Unit.HOURS, Unit.MINUTES, Unit.SECONDS},
    Kind.AGE: {Unit.DAYS},
    Kind.NUMBER: {Unit.MM, None},
}
_MOST_WAYS = 64
_WRITTEN = {
    Kind.NUMBER: "Write a number, such as 100 or -0.5.",
    Kind.DATE: "Write a date as 20240131 or 2024-01-31.",
    Kind.TIME: "Write a time as 134500 or 13:45.",
    Kind.DATETIME: "Write date and time as 20240131134500.",
    Kind.AGE: "Write an age as 018Y, 006M, 002W or 010D.",
}


def check(select: Select, text: str = "") -> Statement:
    """Check one statement.

    Parameters
    ----------
    select
        As `parse` made it.
    text
        What it was read from, for the excerpts in messages.

    Returns
    -------
    Statement
        With the canonical name of every attribute.

    Raises
    ------
    SelectError
        With all faults, in the order of the text.
    """
    checker = _Checker(select, text)
    checked = checker.checked()
    if checker.faults:
        raise SelectError(tuple(sorted(checker.faults, key=lambda fault: (fault.line, fault.column))))
    return Statement(checked)


class _Checker:
    """Collects the faults of one statement while it makes the names of attributes canonical."""

    def __init__(self, select: Select, text: str) -> None:
        self.select, self.text = select, text
        self.faults: list[Fault] = []

    def checked(self) -> Select:
        self._names()
        wheres = tuple(
            replace(where, rules=rewrite(where.rules, self._rule), choice=self._choice(where))
            for where in self.select.wheres
        )
        self._circles()
        if self.select.checks:
            self._can_check()
        checks = tuple(rewrite(joins, self._join) for joins in self.select.checks)
        return replace(self.select, source=self._source(), wheres=wheres, checks=checks)

    def _can_check(self) -> None:
        at = next(leaves(self.select.checks[0])).at
        if self.select.level is Level.SERIES:
            message = "a check compares the series of one job, but here every series is a job of its own"
            self._fault(at, message, "Select study, patient or project, whose jobs hold several series.")
        if ways(self.select.checks) > _MOST_WAYS:
            self._fault(
                at, f"there are more than {_MOST_WAYS} ways to satisfy this check", "Use fewer `or`s."
            )

    def _source(self) -> Level | StudyLimit | None:
        limit = self.select.limit
        if limit is None:
            return self.select.source
        return replace(limit, by=self._attribute(limit.by, limit.at) or limit.by)

    def _fault(self, at: Span, message: str, advice: str | None = None) -> None:
        self.faults.append(fault_at(at, self.text, message, advice))

    def _names(self) -> None:
        met: set[str] = set()
        unnamed = any(where.name is None for where in self.select.wheres)
        for where in self.select.wheres:
            if where.name is None:
                continue
            if not where.name.strip():
                self._fault(where.at, "the name is empty")
            elif where.name in met:
                self._fault(
                    where.at, f"the name {where.name!r} is given twice", "Give every where its own name."
                )
            elif where.name == UNNAMED and unnamed:
                self._fault(
                    where.at, f"a where without a name is called {UNNAMED!r}, too", "Give it another name."
                )
            met.add(where.name)

    def _choice(self, where: Where) -> Choice:
        choice = where.choice
        closest, pick = choice.closest, choice.pick
        if closest:
            self._known_name(closest.name, closest.at)
            by = self._attribute(closest.by, closest.at)
            if by and not has_distance(kind_of(by)):
                self._fault(
                    closest.at, f"{_holds(by)}, and texts are at no distance", "Use a date, time or number."
                )
            closest = replace(closest, by=by or closest.by)
        if pick and pick.by:
            by = self._attribute(pick.by, pick.at)
            for message, advice in _mispicks(replace(pick, by=by)) if by else ():
                self._fault(pick.at, message, advice)
            pick = replace(pick, by=by or pick.by)
        for message, advice in _without_meaning(self.select.level, choice):
            self._fault(where.at, message, advice)
        return replace(choice, closest=closest, pick=pick)

    def _circles(self) -> None:
        """Refuse names that want to be close to themselves, by however many steps."""
        follows = {where.called: where.choice.closest for where in self.select.wheres}
        for where in self.select.wheres:
            met, closest = {where.called}, where.choice.closest
            while closest and closest.name not in met:
                met.add(closest.name)
                closest = follows.get(closest.name)
            if closest and closest.name == where.called:
                self._fault(
                    closest.at,
                    f"{where.called} is to be closest to itself, by way of {', '.join(met)}"
                    if len(met) > 1
                    else f"{where.called} is to be closest to itself",
                )

    def _rule(self, rule: Rule) -> Rule:
        if isinstance(rule, Everything):
            return rule
        if isinstance(rule, LineFilter):
            for message, advice in _wrong_pattern(rule.pattern):
                self._fault(rule.at, message, advice)
            return rule
        # A rule begins with its attribute.
        at = replace(rule.at, length=min(rule.at.length, len(rule.attribute)))
        keyword = self._attribute(rule.attribute, at)
        if keyword is None:
            return rule
        checked = replace(rule, attribute=keyword)
        for message, advice in _misfits(checked):
            self._fault(rule.at, message, advice)
        return checked

    def _attribute(self, name: str, at: Span) -> str | None:
        try:
            return canonical(name)
        except UnknownAttribute as fault:
            self._fault(at, str(fault), fault.advice)
            return None

    def _join(self, join: Join) -> Join:
        left, right = self._reference(join.left), self._reference(join.right)
        if left is None or right is None:
            return join
        kinds = kind_of(left.attribute), kind_of(right.attribute)
        if kinds[0] is not kinds[1]:
            what = f"{left.attribute} is {kinds[0]}, {right.attribute} is {kinds[1]}"
            self._fault(join.at, f"{what}: they do not compare")
        elif join.within and join.within.unit not in _UNITS.get(kinds[0], set()):
            self._fault(join.at, *_wrong_unit(left.attribute))
        elif join.operator in _ORDERING and kinds[0] in (Kind.TEXT, Kind.LIST):
            self._fault(
                join.at, f"{left.attribute} is {kinds[0]}; {join.operator} compares numbers, dates and times"
            )
        return replace(join, left=left, right=right)

    def _reference(self, reference: Reference) -> Reference | None:
        at = replace(reference.at, length=min(reference.at.length, len(reference.name)))
        known = self._known_name(reference.name, at)
        keyword = self._attribute(reference.attribute, reference.at)
        return replace(reference, attribute=keyword) if known and keyword else None

    def _known_name(self, name: str, at: Span) -> bool:
        called = Counter(where.called for where in self.select.wheres)
        number = called[name]
        if number == 0:
            near = difflib.get_close_matches(name, called, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"The names are: {', '.join(called)}."
            self._fault(at, f"no where is named {name!r}", advice)
        elif number > 1:
            self._fault(at, f"{number} wheres have no name, so {name!r} may be either", "Name them.")
        return number == 1


def _without_meaning(level: Level, choice: Choice) -> Iterator[tuple[str, str | None]]:
    """What a name asks for and cannot have: message and advice."""
    if choice.optional and choice.count == Count(0):
        yield "exactly 0 is no choice where the name is optional", "Leave one of them out."
    if level is not Level.SERIES:
        return
    whole = "Select study, patient or project, whose jobs hold several series."
    if choice.shared:
        yield "every series is a job of its own here, so there is nothing to share", whole
    if choice.optional and not choice.closest:
        yield "every series is a job of its own here, so each name is optional already", whole
    if choice.closest and (choice.count or choice.pick):
        yield "here the closest is one series for each job, so there is nothing to count or pick", whole


def _mispicks(pick: Pick) -> Iterator[tuple[str, str | None]]:
    kind = kind_of(str(pick.by))
    if pick.preference in (Preference.NEWEST, Preference.OLDEST) and kind not in (
        Kind.DATE,
        Kind.TIME,
        Kind.DATETIME,
    ):
        yield f"{_holds(str(pick.by))}, of which none is {pick.preference}", "Use largest, smallest or first."
    if pick.preference in (Preference.LARGEST, Preference.SMALLEST) and kind not in (Kind.NUMBER, Kind.AGE):
        yield f"{_holds(str(pick.by))}, of which none is {pick.preference}", "Use newest, oldest or first."


def _wrong_unit(attribute: str) -> tuple[str, str]:
    units = _UNITS.get(kind_of(attribute))
    if units is None:
        return f"{_holds(attribute)}, and texts are at no distance", "Write =."
    written = ", ".join(sorted(unit for unit in units if unit))
    return (
        f"{_holds(attribute)}, whose distance is told in: {written}",
        f"Write within 2 {written.split(', ')[0]}.",
    )


def _misfits(rule: Compare | OneOf | Between | Listed | Exists | Missing) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a rule whose attribute is right: message and advice."""
    kind = kind_of(rule.attribute)
    match rule:
        case Exists() | Missing():
            return
        case Compare(attribute, operator, value) if operator in _ON_TEXT:
            yield from _wrong_pattern(value) if operator in _PATTERNS else _wrong_part(attribute, value)
        case Compare(attribute, Operator.CONTAINING, value) if kind is Kind.TEXT:
            yield from _wrong_part(attribute, value)
        case Compare(attribute, operator, value):
            if operator in _ORDERING and kind in (Kind.TEXT, Kind.LIST):
                yield f"{_holds(attribute)}; {operator} compares numbers, dates and times", None
            else:
                yield from _wrong_value(attribute, value)
        case OneOf(attribute, values):
            for value in values:
                yield from _wrong_value(attribute, value)
        case Listed(attribute, operator, values):
            if operator in _ORDERING:
                yield f"{operator} compares one value, not a list", "Use =, != or approx, or in (…)."
            elif operator is Operator.APPROX and kind is not Kind.NUMBER:
                yield f"{_holds(attribute)}; approx compares numbers", None
            for value in values:
                yield from _wrong_value(attribute, value)
        case Between(attribute, low, high):
            if kind in (Kind.TEXT, Kind.LIST):
                yield f"{_holds(attribute)}; between compares numbers, dates and times", None
                return
            wrong = [*_wrong_value(attribute, low), *_wrong_value(attribute, high)]
            yield from wrong
            if not wrong and read_value(kind, low) > read_value(kind, high):  # type: ignore[operator]  # same kind
                yield f"nothing lies between {low} and {high}", f"Write between {high} and {low}."


def _wrong_value(attribute: str, value: str) -> Iterator[tuple[str, str | None]]:
    kind = kind_of(attribute)
    if kind in (Kind.TEXT, Kind.LIST):
        yield from _wrong_text(attribute, value)
    elif read_value(kind, value) is None:
        yield f"{_holds(attribute)}, and {value!r} is none", _WRITTEN[kind]


def _wrong_text(attribute: str, value: str) -> Iterator[tuple[str, str | None]]:
    # Spaces at the ends of a value do not count, so that one of nothing else equals none.
    return _wrong_part(attribute, value.strip())


def _wrong_part(attribute: str, part: str) -> Iterator[tuple[str, str | None]]:
    if not part:
        yield (
            "an empty text is not compared: an empty attribute counts as missing",
            f"Write {attribute} missing.",
        )


def _wrong_pattern(pattern: str) -> Iterator[tuple[str, str | None]]:
    try:
        compile_regexp(pattern)
    except RegexpFault as fault:
        yield f"the regular expression {pattern!r} cannot be used: {fault}", None


def _holds(attribute: str) -> str:
    vr = vr_of(attribute)
    return f"{attribute} is {kind_of(attribute)}" + (f" ({vr})" if vr else "")
