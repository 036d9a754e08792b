"""What makes no sense in a part of a statement whose attributes are right: messages and advice."""

from __future__ import annotations

from collections.abc import Iterator

from select_lang.attributes import Kind, kind_of
from select_lang.dictionary import vr_of
from select_lang.regexp import RegexpFault, compile_regexp
from select_lang.tree import (
    Amount,
    Between,
    Choice,
    Compare,
    Count,
    Exists,
    Join,
    Level,
    Listed,
    Missing,
    OneOf,
    Operator,
    Pick,
    Preference,
    Unit,
)
from select_lang.values import read_value

__all__ = ["holds", "in_choice", "in_join", "in_pattern", "in_pick", "in_rule"]

_ORDERING = {Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL}
_PATTERNS = {Operator.REGEXP, Operator.IREGEXP}
_ON_TEXT = {*_PATTERNS, Operator.STARTS_WITH}
_UNITS: dict[Kind, set[Unit | None]] = {
    Kind.DATE: {Unit.DAYS, Unit.WEEKS},
    Kind.TIME: {Unit.HOURS, Unit.MINUTES, Unit.SECONDS},
    Kind.DATETIME: {Unit.WEEKS, Unit.DAYS, Unit.HOURS, Unit.MINUTES, Unit.SECONDS},
    Kind.AGE: {Unit.DAYS, Unit.WEEKS},
    Kind.NUMBER: {Unit.MM, None},
}
# Two hundred years, and what no scanner is wide.
_MOST = {
    Unit.WEEKS: 10_436,
    Unit.DAYS: 73_050,
    Unit.HOURS: 1_753_200,
    Unit.MINUTES: 105_192_000,
    Unit.SECONDS: 6_311_520_000,
    Unit.MM: 1_000_000,
}
_WRITTEN = {
    Kind.NUMBER: "Write a number, such as 100 or -0.5.",
    Kind.DATE: "Write a date as 20240131 or 2024-01-31.",
    Kind.TIME: "Write a time as 134500 or 13:45.",
    Kind.DATETIME: "Write date and time as 20240131134500.",
    Kind.AGE: "Write an age as 018Y, 006M, 002W or 010D.",
}


def in_choice(level: Level, choice: Choice) -> Iterator[tuple[str, str | None]]:
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


def in_pick(pick: Pick) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a preference whose attribute is right."""
    kind = kind_of(str(pick.by))
    if pick.preference in (Preference.NEWEST, Preference.OLDEST) and kind not in (
        Kind.DATE,
        Kind.TIME,
        Kind.DATETIME,
    ):
        yield f"{holds(str(pick.by))}, of which none is {pick.preference}", "Use largest, smallest or first."
    if pick.preference in (Preference.LARGEST, Preference.SMALLEST) and kind not in (Kind.NUMBER, Kind.AGE):
        yield f"{holds(str(pick.by))}, of which none is {pick.preference}", "Use newest, oldest or first."


def in_join(join: Join) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a comparison of two series whose attributes are right."""
    left, right = join.left.attribute, join.right.attribute
    kind = kind_of(left)
    if kind is not kind_of(right):
        yield f"{left} is {kind}, {right} is {kind_of(right)}: they do not compare", None
    elif join.within and join.within.unit not in _UNITS.get(kind, set()):
        yield _wrong_unit(left)
    elif join.within and not _is_reasonable(join.within):
        yield (
            f"{join.within.number} {join.within.unit or ''}".rstrip()
            + " is more than any two values are apart",
            None,
        )
    elif join.operator in _ORDERING and kind in (Kind.TEXT, Kind.LIST):
        yield f"{left} is {kind}; {join.operator} compares numbers, dates and times", None


def _is_reasonable(amount: Amount) -> bool:
    most = _MOST.get(amount.unit, 1e15) if amount.unit else 1e15
    return float(amount.number) <= most


def _wrong_unit(attribute: str) -> tuple[str, str]:
    units = _UNITS.get(kind_of(attribute))
    if units is None:
        return f"{holds(attribute)}, and texts are at no distance", "Write =."
    written = ", ".join(sorted(unit for unit in units if unit))
    return (
        f"{holds(attribute)}, whose distance is told in: {written}",
        f"Write within 2 {written.split(', ')[0]}.",
    )


def in_rule(rule: Compare | OneOf | Between | Listed | Exists | Missing) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a rule whose attribute is right: message and advice."""
    kind = kind_of(rule.attribute)
    match rule:
        case Exists() | Missing():
            return
        case Compare(attribute, operator, value) if operator in _ON_TEXT:
            yield from in_pattern(value) if operator in _PATTERNS else _wrong_part(attribute, value)
        case Compare(attribute, Operator.CONTAINING, value) if kind is Kind.TEXT:
            yield from _wrong_part(attribute, value)
        case Compare(attribute, operator, value):
            if operator in _ORDERING and kind in (Kind.TEXT, Kind.LIST):
                yield f"{holds(attribute)}; {operator} compares numbers, dates and times", None
            else:
                yield from _wrong_value(attribute, value)
        case OneOf(attribute, values):
            for value in values:
                yield from _wrong_value(attribute, value)
        case Listed(attribute, operator, values):
            if operator in _ORDERING:
                yield f"{operator} compares one value, not a list", "Use =, != or approx, or in (…)."
            elif operator is Operator.APPROX and kind is not Kind.NUMBER:
                yield f"{holds(attribute)}; approx compares numbers", None
            for value in values:
                yield from _wrong_value(attribute, value)
        case Between(attribute, low, high):
            if kind in (Kind.TEXT, Kind.LIST):
                yield f"{holds(attribute)}; between compares numbers, dates and times", None
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
        yield f"{holds(attribute)}, and {value!r} is none", _WRITTEN[kind]


def _wrong_text(attribute: str, value: str) -> Iterator[tuple[str, str | None]]:
    # Spaces at the ends of a value do not count, so that one of nothing else equals none.
    return _wrong_part(attribute, value.strip())


def _wrong_part(attribute: str, part: str) -> Iterator[tuple[str, str | None]]:
    if not part:
        yield (
            "an empty text is not compared: an empty attribute counts as missing",
            f"Write {attribute} missing.",
        )


def in_pattern(pattern: str) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a regular expression."""
    if not pattern:
        yield "an empty regular expression says nothing", "Write exists, for any value."
    try:
        compile_regexp(pattern)
    except RegexpFault as fault:
        yield f"the regular expression {pattern!r} cannot be used: {fault}", None


def holds(attribute: str) -> str:
    """What an attribute holds, as a message says it."""
    vr = vr_of(attribute)
    return f"{attribute} is {kind_of(attribute)}" + (f" ({vr})" if vr else "")
