"""Tree → text, in one canonical form; reading it gives the same tree."""

from __future__ import annotations

import re
from collections.abc import Callable

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of
from select_lang.tree import (
    AllOf,
    AnyOf,
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    Joins,
    Leaf,
    Logic,
    Missing,
    Not,
    OneOf,
    Reference,
    Rule,
    Rules,
    Select,
    Statement,
)

__all__ = ["write", "write_joins", "write_rules"]

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def write(statement: Statement | Select) -> str:
    """The statement as text: key words in lower case, text in double quotes, one `where` on a line."""
    select = statement.select if isinstance(statement, Statement) else statement
    head = f"select {select.level}" + (f" from {select.source}" if select.source else "")
    lines = [head]
    for number, where in enumerate(select.wheres):
        named = "" if where.name is None else f" named {_quoted(where.name)}"
        lines.append(f"  {'also ' if number else ''}where series{named} has {write_rules(where.rules)}")
    lines += [f"  check {write_joins(joins)}" for joins in select.checks]
    return "\n".join(lines)


def write_rules(rules: Rules) -> str:
    """The rules of one `where`."""
    return _logic(rules, _rule)


def write_joins(joins: Joins) -> str:
    """What follows `check`."""
    return _logic(joins, _join)


def _logic(condition: Logic[Leaf], write_leaf: Callable[[Leaf], str]) -> str:
    def inner(part: Logic[Leaf], *needing_brackets: type) -> str:
        text = _logic(part, write_leaf)
        return f"({text})" if isinstance(part, needing_brackets) else text

    match condition:
        case Not(part):
            return f"not {inner(part, AllOf, AnyOf)}"
        case AllOf(parts):
            return " and ".join(inner(part, AllOf, AnyOf) for part in parts)
        case AnyOf(parts):
            return " or ".join(inner(part, AnyOf) for part in parts)
        case leaf:
            return write_leaf(leaf)


def _rule(rule: Rule) -> str:
    match rule:
        case Compare(attribute, operator, value):
            return f"{attribute} {operator} {_value(attribute, value)}"
        case OneOf(attribute, values):
            return f"{attribute} in ({', '.join(_value(attribute, value) for value in values)})"
        case Between(attribute, low, high):
            return f"{attribute} between {_value(attribute, low)} and {_value(attribute, high)}"
        case Exists(attribute):
            return f"{attribute} exists"
        case Missing(attribute):
            return f"{attribute} missing"
        case Everything():
            return "everything"


def _join(join: Join) -> str:
    return f"{_reference(join.left)} {join.operator} {_reference(join.right)}"


def _reference(reference: Reference) -> str:
    bare = re.fullmatch(r"\w+", reference.name) is not None and reference.name.lower() != "not"
    return f"{reference.name if bare else _quoted(reference.name)}@{reference.attribute}"


def _value(attribute: str, value: str) -> str:
    """A value as an author would write it: numbers and dates bare, everything else in quotes."""
    return value if _PLAIN_NUMBER.fullmatch(value) and not _holds_text(attribute) else _quoted(value)


def _holds_text(attribute: str) -> bool:
    try:
        return kind_of(canonical(attribute)) in (Kind.TEXT, Kind.LIST)
    except UnknownAttribute:  # a tree that is not checked may be written, too
        return True


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
