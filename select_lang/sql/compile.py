"""Rules → SQL: for every attribute the set of terms for which a condition holds, joined by `and` and `or`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from select_lang.logic import Truth, all_true, any_true, opposite
from select_lang.rules import Values, attributes_of, values_truth
from select_lang.tree import AllOf, AnyOf, Everything, LineFilter, Not, Rules

__all__ = ["Held", "InSet", "compile_rules", "in_set_of"]

InSet: TypeAlias = Callable[[sa.ColumnElement[Any], Sequence[int | str]], sa.ColumnElement[bool]]
"""How a database is asked whether a column is one of very many constants."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a catalogue has of one attribute: where it stands in a row, and the values that stand there, by key."""

    column: sa.ColumnElement[Any]
    values: tuple[tuple[int | str, Values], ...]


def compile_rules(
    rules: Rules, held: Callable[[str], Held], in_set: InSet, *, wanted: bool = True
) -> sa.ColumnElement[bool]:
    """An expression that is true exactly where the rules are true (or, for `wanted` False, where they are false).

    Where they are unknown it is false in both cases, so it never has to be negated, and is never NULL.
    """

    def compiled(condition: Rules, wanted: bool) -> sa.ColumnElement[bool]:
        attributes = attributes_of(condition)
        if len(attributes) <= 1:
            return of_one_attribute(condition, attributes, wanted)
        match condition:
            case Not(inner):
                return compiled(inner, not wanted)
            case AllOf(parts):
                join = sa.and_ if wanted else sa.or_
                return join(*(compiled(part, wanted) for part in _by_attribute(parts, AllOf)))
            case AnyOf(parts):
                join = sa.or_ if wanted else sa.and_
                return join(*(compiled(part, wanted) for part in _by_attribute(parts, AnyOf)))
            case _:
                raise TypeError(f"{type(condition).__name__} looks at several attributes")

    def of_one_attribute(
        condition: Rules, attributes: tuple[str, ...], wanted: bool
    ) -> sa.ColumnElement[bool]:
        truth = _truth_of(condition)
        when_absent = truth(()) is wanted
        if not attributes:
            return sa.true() if when_absent else sa.false()
        (attribute,) = attributes
        found = held(attribute)
        keys = [key for key, values in found.values if truth(values) is wanted]
        has_one = in_set(found.column, keys) if keys else sa.false()
        return sa.or_(has_one, found.column.is_(None)) if when_absent else has_one

    return compiled(rules, wanted)


def _truth_of(condition: Rules) -> Callable[[Values], Truth]:
    """What a condition on one attribute says of its values: taken apart once, and asked of many thousands."""
    match condition:
        case Not(inner):
            of_inner = _truth_of(inner)
            return lambda values: opposite(of_inner(values))
        case AllOf(parts) | AnyOf(parts):
            together = all_true if isinstance(condition, AllOf) else any_true
            of_parts = [_truth_of(part) for part in parts]
            return lambda values: together(of_part(values) for of_part in of_parts)
        case Everything():
            return lambda _values: True
        case LineFilter():
            raise TypeError("a line filter looks at several attributes")
        case rule:
            return values_truth(rule)


def _by_attribute(parts: Sequence[Rules], join: Callable[[tuple[Rules, ...]], Rules]) -> list[Rules]:
    """The parts, those about the same one attribute joined, so that they become one set together."""
    together: dict[object, list[Rules]] = {}
    for number, part in enumerate(parts):
        attributes = attributes_of(part)
        together.setdefault(attributes if len(attributes) == 1 else number, []).append(part)
    return [some[0] if len(some) == 1 else join(tuple(some)) for some in together.values()]


def in_set_of(dialect: str) -> InSet:
    """How this database is asked; both build a hash or a tree of the constants once."""
    return _in_json if dialect == "sqlite" else _in_array


def _in_json(column: sa.ColumnElement[Any], keys: Sequence[int | str]) -> sa.ColumnElement[bool]:
    listed = sa.func.json_each(json.dumps(list(keys))).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def _in_array(column: sa.ColumnElement[Any], keys: Sequence[int | str]) -> sa.ColumnElement[bool]:
    kind: Any = sa.Text() if isinstance(keys[0], str) else sa.Integer()
    return column == sa.any_(sa.bindparam(None, list(keys), type_=sa.ARRAY(kind)))
