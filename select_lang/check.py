"""Tree → checked tree: attributes exist, operators and values fit them, expressions compile, names are known.

Every fault is collected, so that an author sees all of them at once.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of, vr_of
from select_lang.errors import Fault, SelectError, fault_at
from select_lang.joining import ways
from select_lang.logic import leaves, rewrite
from select_lang.regexp import RegexpFault, compile_regexp
from select_lang.span import Span
from select_lang.tree import (
    UNNAMED,
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    Level,
    Missing,
    OneOf,
    Operator,
    Reference,
    Rule,
    Select,
    Statement,
)
from select_lang.values import read_value

__all__ = ["check"]

_ORDERING = {Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL}
_ON_TEXT = {Operator.REGEXP, Operator.STARTS_WITH}
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
        wheres = tuple(replace(where, rules=rewrite(where.rules, self._rule)) for where in self.select.wheres)
        if self.select.checks and self.select.level is Level.SERIES:
            at = next(leaves(self.select.checks[0])).at
            advice = "Select study, patient or project, whose jobs hold several series."
            self._fault(
                at,
                "a check compares the series of one job, but here every series is a job of its own",
                advice,
            )
        if ways(self.select.checks) > _MOST_WAYS:
            at = next(leaves(self.select.checks[0])).at
            self._fault(
                at, f"there are more than {_MOST_WAYS} ways to satisfy this check", "Use fewer `or`s."
            )
        checks = tuple(rewrite(joins, self._join) for joins in self.select.checks)
        return replace(self.select, wheres=wheres, checks=checks)

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

    def _rule(self, rule: Rule) -> Rule:
        if isinstance(rule, Everything):
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
        elif join.operator in _ORDERING and kinds[0] in (Kind.TEXT, Kind.LIST):
            self._fault(
                join.at, f"{left.attribute} is {kinds[0]}; {join.operator} compares numbers, dates and times"
            )
        return replace(join, left=left, right=right)

    def _reference(self, reference: Reference) -> Reference | None:
        called = Counter(where.called for where in self.select.wheres)
        number = called[reference.name]
        at = replace(reference.at, length=min(reference.at.length, len(reference.name)))
        if number == 0:
            near = difflib.get_close_matches(reference.name, called, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"The names are: {', '.join(called)}."
            self._fault(at, f"no where is named {reference.name!r}", advice)
        elif number > 1:
            self._fault(
                at, f"{number} wheres have no name, so {reference.name!r} may be either", "Name them."
            )
        keyword = self._attribute(reference.attribute, reference.at)
        return None if keyword is None or number != 1 else replace(reference, attribute=keyword)


def _misfits(rule: Compare | OneOf | Between | Exists | Missing) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a rule whose attribute is right: message and advice."""
    kind = kind_of(rule.attribute)
    match rule:
        case Exists() | Missing():
            return
        case Compare(attribute, operator, value) if operator in _ON_TEXT:
            yield from _wrong_pattern(value) if operator is Operator.REGEXP else _wrong_part(attribute, value)
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
