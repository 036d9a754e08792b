"""Tree → text, in one canonical form; reading it gives the same tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of
from select_lang.tree import (
    AllOf,
    AnyOf,
    Between,
    Choice,
    Compare,
    Everything,
    Exists,
    Join,
    Joins,
    Leaf,
    LineFilter,
    Listed,
    Logic,
    Missing,
    Not,
    OneOf,
    Reference,
    Rule,
    Rules,
    Select,
    Statement,
    StudyLimit,
    Where,
)

__all__ = ["write", "write_joins", "write_rules", "write_source"]

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def write(statement: Statement | Select) -> str:
    """The statement as text: key words in lower case, text in double quotes, one `where` on a line."""
    select = statement.select if isinstance(statement, Statement) else statement
    first = select.wheres[0]
    if isinstance(first.rules, LineFilter):
        return first.rules.pattern
    head = f"select {select.level}" + (f" from {write_source(select)}" if select.source else "")
    lines = [head]
    for number, where in enumerate(select.wheres):
        lines.append(f"  {'also ' if number else ''}{_where(where)}")
    lines += [f"  check {write_joins(joins)}" for joins in select.checks]
    return "\n".join(lines)


def write_source(select: Select) -> str:
    """What follows `from`; nothing when there is none."""
    source = select.source
    if not isinstance(source, StudyLimit):
        return source or ""
    which = f"{'last' if source.latest else 'first'} {source.number} studies"
    if source.number == 1:
        which = f"{'latest' if source.latest else 'earliest'} study"
    return f"{which} by {source.by}"


def _where(where: Where) -> str:
    named = "" if where.name is None else f" named {_quoted(where.name)}"
    return " ".join([f"where series{named} has {write_rules(where.rules)}", *_choice(where.choice)])


def _choice(choice: Choice) -> Iterator[str]:
    if choice.closest:
        yield f"closest to {_quoted(choice.closest.name)} by {choice.closest.by}"
    if choice.count:
        yield f"{'at least' if choice.count.at_least else 'exactly'} {choice.count.number}"
    if choice.pick:
        yield f"pick {choice.pick.preference}" + (f" by {choice.pick.by}" if choice.pick.by else "")
    if choice.optional:
        yield "optional"
    if choice.shared:
        yield "shared"


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
        case Compare(attribute, operator, value, every):
            return f"{_asked(attribute, every)} {operator} {_value(attribute, value)}"
        case OneOf(attribute, values, every):
            return f"{_asked(attribute, every)} in {_values(attribute, values)}"
        case Between(attribute, low, high, every):
            return (
                f"{_asked(attribute, every)} between {_value(attribute, low)} and {_value(attribute, high)}"
            )
        case Listed(attribute, operator, values):
            return f"{attribute} {operator} {_values(attribute, values)}"
        case LineFilter(pattern):
            return pattern
        case Exists(attribute):
            return f"{attribute} exists"
        case Missing(attribute):
            return f"{attribute} missing"
        case Everything():
            return "everything"


def _asked(attribute: str, every: bool) -> str:
    return f"{attribute} all" if every else attribute


def _join(join: Join) -> str:
    left, right = _reference(join.left), _reference(join.right)
    if join.within is None:
        return f"{left} {join.operator} {right}"
    unit = f" {join.within.unit}" if join.within.unit else ""
    return f"{left} within {join.within.number}{unit} of {right}"


def _reference(reference: Reference) -> str:
    bare = re.fullmatch(r"\w+", reference.name) is not None and reference.name.lower() != "not"
    return f"{reference.name if bare else _quoted(reference.name)}@{reference.attribute}"


def _value(attribute: str, value: str) -> str:
    """A value as an author would write it: numbers and dates bare, everything else in quotes."""
    return value if _PLAIN_NUMBER.fullmatch(value) and not _holds_text(attribute) else _quoted(value)


def _values(attribute: str, values: Sequence[str]) -> str:
    return f"({', '.join(_value(attribute, value) for value in values)})"


def _holds_text(attribute: str) -> bool:
    try:
        return kind_of(canonical(attribute)) in (Kind.TEXT, Kind.LIST)
    except UnknownAttribute:  # a tree that is not checked may be written, too
        return True


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
