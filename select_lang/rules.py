"""Whether a rule holds for a series, and a comparison of a `check` for two: the reference for every other evaluator.

The truth is three-valued (`logic`): None when the attribute is absent or does not read as what it should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from select_lang.attributes import Kind, kind_of
from select_lang.catalogue import Series
from select_lang.logic import Truth, all_true, any_true, opposite, truth
from select_lang.regexp import found_in
from select_lang.tree import (
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    Missing,
    OneOf,
    Operator,
    Rule,
    Rules,
)
from select_lang.values import Value, read_value

__all__ = ["join_truth", "rule_truth", "rules_truth"]


def rules_truth(rules: Rules, series: Series) -> Truth:
    """Truth of the rules of one `where` for one series."""
    return truth(rules, lambda rule: rule_truth(rule, series))


def rule_truth(rule: Rule, series: Series) -> Truth:
    """Truth of one rule for one series; of several values, one is enough."""
    match rule:
        case Everything():
            return True
        case Exists(attribute):
            return bool(series.values(attribute))
        case Missing(attribute):
            return not series.values(attribute)
        case Compare(attribute, operator, value):
            return _compare(attribute, operator, value, series)
        case OneOf(attribute, values):
            return _one_holds(_compare(attribute, Operator.EQUAL, value, series) for value in values)
        case Between(attribute, low, high):
            kind = kind_of(attribute)
            read = [read_value(kind, text) for text in series.values(attribute)]
            return _one_holds(_within(value, read_value(kind, low), read_value(kind, high)) for value in read)


def join_truth(join: Join, series: Mapping[str, Series]) -> Truth:
    """Truth of one comparison between two series; of several values, one pair is enough."""
    if join.operator is Operator.NOT_EQUAL:
        return opposite(join_truth(Join(join.left, Operator.EQUAL, join.right), series))
    kind = kind_of(join.left.attribute)
    left, right = (
        [read_value(kind, text) for text in series[side.name].values(side.attribute)]
        for side in (join.left, join.right)
    )
    return _one_holds(_ordered(one, join.operator, other) for one in left for other in right)


def _compare(attribute: str, operator: Operator, wanted: str, series: Series) -> Truth:
    kind, held = kind_of(attribute), series.values(attribute)
    match operator:
        case Operator.NOT_EQUAL:
            # The opposite of =: no value may be equal, which is more than that one is different.
            return opposite(_compare(attribute, Operator.EQUAL, wanted, series))
        case Operator.REGEXP:
            return _one_holds(found_in(wanted, text) for text in held)
        case Operator.STARTS_WITH:
            return _one_holds(text.startswith(wanted) for text in held)
        case Operator.CONTAINING if kind is Kind.TEXT:
            return _one_holds(wanted in text for text in held)
        case Operator.CONTAINING:
            return _compare(attribute, Operator.EQUAL, wanted, series)
        case _:
            value = read_value(kind, wanted)
            return _one_holds(_ordered(read_value(kind, text), operator, value) for text in held)


def _one_holds(truths: Iterable[Truth]) -> Truth:
    """Whether one of several is true; unknown when there is none to ask, as of an absent attribute."""
    asked = tuple(truths)
    return any_true(asked) if asked else None


def _ordered(left: Value | None, operator: Operator, right: Value | None) -> Truth:
    """Compare two values of one kind; unknown when one of them could not be read."""
    if left is None or right is None:
        return None
    match operator:
        case Operator.EQUAL:
            return left == right
        case Operator.LESS:
            return left < right  # type: ignore[operator]  # both were read as the same kind
        case Operator.LESS_OR_EQUAL:
            return left <= right  # type: ignore[operator]
        case Operator.GREATER:
            return left > right  # type: ignore[operator]
        case Operator.GREATER_OR_EQUAL:
            return left >= right  # type: ignore[operator]
        case _:
            raise ValueError(f"{operator} does not compare two values")


def _within(value: Value | None, low: Value | None, high: Value | None) -> Truth:
    return all_true(
        (_ordered(low, Operator.LESS_OR_EQUAL, value), _ordered(value, Operator.LESS_OR_EQUAL, high))
    )
