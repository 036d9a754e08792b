"""Nodes of the parser → nodes of the tree: one method for each rule of the grammar."""

from __future__ import annotations

import re
from typing import Any

from lark import Token, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from select_lang.logic import depth
from select_lang.span import Span
from select_lang.tree import (
    AllOf,
    Amount,
    AnyOf,
    Between,
    Choice,
    Closest,
    Compare,
    Count,
    Everything,
    Exists,
    Join,
    Joins,
    Level,
    Listed,
    Logic,
    Missing,
    Not,
    OneOf,
    Operator,
    Pick,
    Preference,
    Reference,
    Select,
    StudyLimit,
    Unit,
    Where,
)

__all__ = ["Builder", "Check", "Refused"]

# Later stages walk the tree by recursion; nobody writes deeper than this, and Python's stack holds much more.
_DEEPEST = 50


class Refused(Exception):
    """Follows the grammar, but no tree can hold it."""

    def __init__(self, at: Span, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.at, self.message, self.advice = at, message, advice


class Check:
    """A `check` before it is known which select it belongs to."""

    def __init__(self, joins: Joins, at: Span) -> None:
        self.joins, self.at = joins, at


class _Name(str):
    """A name of series, so that it cannot be taken for a word of another kind."""


_WORDINGS = {
    "CONTAINING": Operator.CONTAINING,
    "REGEXP": Operator.REGEXP,
    "IREGEXP": Operator.IREGEXP,
    "STARTS": Operator.STARTS_WITH,
}


def _with_every(parts: list[Any]) -> tuple[str, list[Any], bool]:
    """Attribute, what follows it, and whether `all` stood between them."""
    attribute, *rest = parts
    every = isinstance(rest[0], Token)
    return attribute, rest[1:] if every else rest, every


def _choice(parts: list[Any], at: Span) -> Choice:
    fields: dict[str, Any] = {}
    for part in parts:
        field = part.type.lower() if isinstance(part, Token) else type(part).__name__.lower()
        if field in fields:
            said = {"count": "how many there must be"}.get(field, field)
            raise Refused(at, f"{said} is said twice for one name")
        fields[field] = True if isinstance(part, Token) else part
    return Choice(**fields)


def _span(meta: Meta) -> Span:
    length = meta.end_pos - meta.start_pos if meta.end_line == meta.line else 1
    return Span(meta.line, meta.column, length)


def _shallow(condition: Logic[Any], at: Span) -> None:
    if depth(condition) > _DEEPEST:
        raise Refused(at, f"the conditions are nested more than {_DEEPEST} deep")


def _unquoted(token: Token) -> str:
    if token.type != "STRING":
        return str(token)
    quote, body = token[0], token[1:-1]
    text, escaped = [], False
    for char in body:
        if escaped:
            # Only a quote or a backslash is escaped: "\d" of a regular expression stays as it is.
            text.append(char if char in (quote, "\\") else "\\" + char)
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            text.append(char)
    return "".join(text)


@v_args(meta=True)
class Builder(Transformer_NonRecursive[Token, Any]):
    """Has one method for each rule of the grammar; each makes one node from what the rule's parts made.

    Without recursion, so that no depth of `not not not …` exhausts the stack before it can be refused.
    """

    def start(self, meta: Meta, commands: list[Select | Check]) -> list[Select | Check]:
        return commands

    def select(self, meta: Meta, parts: list[Any]) -> Select:
        level, source = Level.STUDY, None
        while not isinstance(parts[0], Where):
            part = parts.pop(0)
            if isinstance(part, Level):
                level = part
            else:
                (source,) = part
        return Select(level, source, tuple(parts), at=_span(meta))

    def source(self, meta: Meta, parts: list[Level | StudyLimit]) -> list[Level | StudyLimit]:
        return parts

    def limit(self, meta: Meta, parts: list[Any]) -> StudyLimit:
        which, *rest = parts
        number = int(rest.pop(0)) if rest and isinstance(rest[0], Token) else 1
        if number == 0:
            raise Refused(_span(meta), "no study is left to look at", "Write first 1 study, or more.")
        latest = which.type in ("LATEST", "LAST")
        return StudyLimit(number, latest, rest[0] if rest else "StudyDate", _span(meta))

    def where(self, meta: Meta, parts: list[Any]) -> Where:
        begin = 0
        while isinstance(parts[begin], (Level, _Name)):
            begin += 1
        rules = parts[begin]
        _shallow(rules, _span(meta))
        # A level here says nothing: rules are always about series. ror takes any, and so do we.
        name = next((str(part) for part in parts[:begin] if isinstance(part, _Name)), None)
        return Where(name, rules, _choice(parts[begin + 1 :], _span(meta)), _span(meta))

    def closest(self, meta: Meta, parts: list[str]) -> Closest:
        name, by = parts
        return Closest(str(name), by, _span(meta))

    def count(self, meta: Meta, parts: list[Token]) -> Count:
        how, number = parts
        at_least = how.type == "AT_LEAST"
        if at_least and int(number) == 0:
            raise Refused(_span(meta), "at least 0 asks for nothing", "Write optional.")
        return Count(int(number), at_least)

    def pick(self, meta: Meta, parts: list[Any]) -> Pick:
        preference, *by = parts
        return Pick(Preference(preference.lower()), by[0] if by else None, _span(meta))

    def check(self, meta: Meta, parts: list[Joins]) -> Check:
        _shallow(parts[0], _span(meta))
        return Check(parts[0], _span(meta))

    def level(self, meta: Meta, parts: list[Token]) -> Level:
        if parts[0].type == "IMAGE":
            advice = "The smallest thing to select is a series; NumImages counts its images."
            raise Refused(_span(meta), "single images cannot be selected", advice)
        return Level.PATIENT if parts[0].type == "PATIENT" else Level(parts[0].lower())

    def any_of(self, meta: Meta, parts: list[Any]) -> AnyOf[Any]:
        return AnyOf(tuple(parts), _span(meta))

    def all_of(self, meta: Meta, parts: list[Any]) -> AllOf[Any]:
        return AllOf(tuple(parts), _span(meta))

    def negation(self, meta: Meta, parts: list[Any]) -> Not[Any]:
        return Not(parts[0], _span(meta))

    def compare(self, meta: Meta, parts: list[Any]) -> Compare:
        attribute, (operator, value), every = _with_every(parts)
        return Compare(attribute, operator, value, every, _span(meta))

    def one_of(self, meta: Meta, parts: list[Any]) -> OneOf:
        attribute, values, every = _with_every(parts)
        return OneOf(attribute, tuple(values), every, _span(meta))

    def between(self, meta: Meta, parts: list[Any]) -> Between:
        attribute, (low, high), every = _with_every(parts)
        return Between(attribute, low, high, every, _span(meta))

    def listed(self, meta: Meta, parts: list[Any]) -> Listed:
        attribute, operator, *values = parts
        return Listed(attribute, operator, tuple(values), _span(meta))

    def approx(self, meta: Meta, parts: list[str]) -> Listed:
        attribute, *values = parts
        return Listed(attribute, Operator.APPROX, tuple(values), _span(meta))

    def exists(self, meta: Meta, parts: list[str]) -> Exists:
        return Exists(parts[0], _span(meta))

    def missing(self, meta: Meta, parts: list[str]) -> Missing:
        return Missing(parts[0], _span(meta))

    def everything(self, meta: Meta, parts: list[str]) -> Everything:
        return Everything(_span(meta))

    def join(self, meta: Meta, parts: list[Any]) -> Join:
        left, operator, right = parts
        return Join(left, operator, right, None, _span(meta))

    def join_within(self, meta: Meta, parts: list[Any]) -> Join:
        # Either `A@X within 3 days of B@X` or `A@X = B@X within 3 days`.
        left, right = (part for part in parts if isinstance(part, Reference))
        (amount,) = (part for part in parts if isinstance(part, Amount))
        if any(isinstance(part, Operator) and part is not Operator.EQUAL for part in parts):
            message = "within says how far apart two values may be, and goes with = only"
            raise Refused(_span(meta), message, "Write A@X within 3 days of B@X.")
        return Join(left, Operator.WITHIN, right, amount, _span(meta))

    def amount(self, meta: Meta, parts: list[Any]) -> Amount:
        number, *unit = parts
        return Amount(str(number), *unit)

    def unit(self, meta: Meta, parts: list[Token]) -> Unit:
        return Unit(parts[0].lower() if parts[0].type == "MM" else parts[0].lower().rstrip("s") + "s")

    def reference(self, meta: Meta, parts: list[str]) -> Reference:
        return Reference(str(parts[0]), parts[1], _span(meta))

    def order(self, meta: Meta, parts: list[Token]) -> Operator:
        return Operator("=" if parts[0] == "==" else parts[0])

    join_order = order

    def wording(self, meta: Meta, parts: list[Token]) -> Operator:
        return _WORDINGS[parts[0].type]

    def attribute(self, meta: Meta, parts: list[Token]) -> str:
        if parts[0].type == "TAG":
            group, element = re.findall(r"[0-9A-F]{4}", parts[0].upper())
            return f"({group},{element})"
        return str(parts[0])

    def name(self, meta: Meta, parts: list[Token]) -> _Name:
        return _Name(_unquoted(parts[0]))

    def value(self, meta: Meta, parts: list[Token]) -> str:
        return _unquoted(parts[0])
