"""Whether a rule holds for a series, and a comparison of a `check` for two: the reference for every other evaluator.

The truth is three-valued (`logic`): None when the attribute is absent or does not read as what it should be.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, TypeAlias

from select_lang.attributes import Kind, kind_of
from select_lang.catalogue import Series, line_of
from select_lang.distance import apart, moments
from select_lang.logic import Truth, all_true, any_true, leaves, opposite, truth
from select_lang.regexp import found_in
from select_lang.tree import (
    Amount,
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    LineFilter,
    Listed,
    Missing,
    OneOf,
    Operator,
    Rule,
    Rules,
    Unit,
)
from select_lang.values import Value, read_value

__all__ = ["Values", "attributes_of", "join_truth", "pair_truth", "rule_truth", "rules_truth", "values_truth"]

Values: TypeAlias = tuple[str, ...]


def rules_truth(rules: Rules, series: Series) -> Truth:
    """Truth of the rules of one `where` for one series."""
    return truth(rules, lambda rule: rule_truth(rule, series))


def attributes_of(rules: Rules) -> tuple[str, ...]:
    """The attributes that rules look at, each once, in the order of the text."""
    named = (leaf.attribute for leaf in leaves(rules) if not isinstance(leaf, (Everything, LineFilter)))
    return tuple(dict.fromkeys(named))


def rule_truth(rule: Rule, series: Series) -> Truth:
    """Truth of one rule for one series; of several values, one is enough unless the rule says `all`."""
    match rule:
        case Everything():
            return True
        case LineFilter(pattern):
            return found_in(pattern, line_of(series))
    return values_truth(rule)(series.values(rule.attribute))


@lru_cache(maxsize=4096)
def values_truth(rule: Compare | OneOf | Between | Listed | Exists | Missing) -> Callable[[Values], Truth]:
    """What the rule says of the values of its attribute; () where it is absent."""
    match rule:
        case Exists():
            return bool
        case Missing():
            return python.not_
        case Listed(attribute, operator, wanted):
            return partial(_listed, kind_of(attribute), operator, wanted)
    # != is the opposite of =: no value may be equal, which is more than that one is different.
    every = rule.every or (isinstance(rule, Compare) and rule.operator is Operator.NOT_EQUAL)
    of_text, of_several = _text_truth(rule), all_true if every else any_true

    def of_values(values: Values) -> Truth:
        # Unknown when there is none to ask, as of an absent attribute.
        if len(values) == 1:
            return of_text(values[0])
        return of_several(map(of_text, values)) if values else None

    return of_values


def _text_truth(rule: Compare | OneOf | Between) -> Callable[[str], Truth]:
    """What the rule says of one value, as DICOM writes it."""
    kind = kind_of(rule.attribute)
    match rule:
        case OneOf(_, values):
            wanted = [read_value(kind, value) for value in values]
            return lambda text: _in(read_value(kind, text), wanted)
        case Between(_, low, high):
            least, most = read_value(kind, low), read_value(kind, high)
            return lambda text: _within(read_value(kind, text), least, most)
        case Compare(_, operator, value):
            return _compared(kind, operator, value)


def _compared(kind: Kind, operator: Operator, wanted: str) -> Callable[[str], Truth]:
    match operator:
        case Operator.REGEXP:
            return lambda text: found_in(wanted, text)
        case Operator.IREGEXP:
            pattern = f"(?i){wanted}"
            return lambda text: found_in(pattern, text)
        case Operator.STARTS_WITH:
            return lambda text: text.startswith(wanted)
        case Operator.CONTAINING if kind is Kind.TEXT:
            return lambda text: wanted in text
        case Operator.CONTAINING:
            operator = Operator.EQUAL
    value, holds = read_value(kind, wanted), _ORDERED[operator]

    def ordered(text: str) -> Truth:
        held = read_value(kind, text)
        return None if held is None or value is None else holds(held, value)

    return ordered


def _together(truths: Iterable[Truth], every: bool) -> Truth:
    """One value is enough, or every one is needed; unknown when there is none to ask, as of an absent attribute."""
    asked = tuple(truths)
    if not asked:
        return None
    return all_true(asked) if every else any_true(asked)


def _in(value: Value | None, wanted: Iterable[Value | None]) -> Truth:
    return any_true(_ordered(value, Operator.EQUAL, one) for one in wanted)


_APPROXIMATELY = Decimal("0.0001")


def _listed(kind: Kind, operator: Operator, wanted: Sequence[str], held: Sequence[str]) -> Truth:
    """Truth of all values of an attribute against a list, one by one."""
    if not held:
        return None
    if operator is Operator.NOT_EQUAL:
        return opposite(_listed(kind, Operator.EQUAL, wanted, held))
    if len(held) != len(wanted):
        return False
    pairs = zip(
        (read_value(kind, text) for text in held), (read_value(kind, text) for text in wanted), strict=True
    )
    if operator is Operator.EQUAL:
        return all_true(_ordered(one, Operator.EQUAL, other) for one, other in pairs)
    return all_true(_near(one, other, _APPROXIMATELY) for one, other in pairs)


def join_truth(join: Join, series: Mapping[str, Series]) -> Truth:
    """Truth of one comparison between two series; of several values, one pair is enough."""
    left, right = (moments(series[side.name], side.attribute) for side in (join.left, join.right))
    return pair_truth(join, left, right)


def pair_truth(join: Join, left: Sequence[Value | None], right: Sequence[Value | None]) -> Truth:
    """Truth of one comparison, given the values on both of its sides (`distance.moments`)."""
    if join.operator is Operator.NOT_EQUAL:
        # The opposite of =: no pair may be equal, which is more than that one is different.
        return opposite(pair_truth(Join(join.left, Operator.EQUAL, join.right), left, right))
    if join.within is None:
        return _together(
            (_ordered(one, join.operator, other) for one in left for other in right), every=False
        )
    return _within_amount(left, right, join.within)


def _within_amount(left: Sequence[Value | None], right: Sequence[Value | None], amount: Amount) -> Truth:
    number = Decimal(amount.number)
    if amount.unit is Unit.MM:
        return _within_mm(left, right, number)
    span = None if amount.unit is None else timedelta(**{amount.unit.value: float(number)})
    near = (_near(one, other, number, span) for one in left for other in right)
    return _together(near, every=False)


def _within_mm(left: Sequence[Value | None], right: Sequence[Value | None], most: Decimal) -> Truth:
    """Distance of two points (mm); of two numbers, if each has one value."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    squared = Decimal(0)
    for one, other in zip(left, right, strict=True):
        if not isinstance(one, Decimal) or not isinstance(other, Decimal):
            return None
        squared += (one - other) ** 2
    return squared <= most**2


def _near(left: Value | None, right: Value | None, number: Decimal, span: timedelta | None = None) -> Truth:
    """Whether two values are at most so far apart: a number, of ages in days, or a span of time."""
    if left is None or right is None:
        return None
    distance = apart(left, right)
    if isinstance(distance, Decimal):
        return distance <= (number if span is None else Decimal(span / timedelta(days=1)))
    return span is not None and distance <= span


_ORDERED: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: python.eq,
    Operator.NOT_EQUAL: python.ne,
    Operator.LESS: python.lt,
    Operator.LESS_OR_EQUAL: python.le,
    Operator.GREATER: python.gt,
    Operator.GREATER_OR_EQUAL: python.ge,
}


def _ordered(left: Value | None, operator: Operator, right: Value | None) -> Truth:
    """Compare two values of one kind; unknown when one of them could not be read."""
    return None if left is None or right is None else _ORDERED[operator](left, right)


def _within(value: Value | None, low: Value | None, high: Value | None) -> Truth:
    return all_true(
        (_ordered(low, Operator.LESS_OR_EQUAL, value), _ordered(value, Operator.LESS_OR_EQUAL, high))
    )
