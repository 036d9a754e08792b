"""Text → tree. The only place that imports lark."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import Any

from lark import Lark, Token, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from select_lang.advice import Stumble, advise, in_words
from select_lang.errors import SelectSyntaxError, fault_at
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
    LineFilter,
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

__all__ = ["parse"]

# Later stages walk the tree by recursion; nobody writes deeper than this, and Python's stack holds much more.
_DEEPEST = 50
_LONGEST = 100_000


def parse(text: str) -> tuple[Select, ...]:
    """Every statement of a text, each with the checks that follow it.

    Raises
    ------
    SelectSyntaxError
        The text does not follow the grammar: where, what was expected, and advice for the usual mistakes.
    """
    if len(text) > _LONGEST:
        fault = fault_at(Span(1, 1), text[:80], f"the statement is longer than {_LONGEST} characters")
        raise SelectSyntaxError(fault)
    if is_line_filter(text):
        at = Span(1, 1, len(text.strip()))
        return (Select(Level.SERIES, None, (Where(None, LineFilter(text.strip(), at), at=at),), at=at),)
    try:
        return _with_checks(text, _Builder().transform(_lark().parse(text)))
    except UnexpectedInput as stumble:
        raise _syntax_error(text, stumble) from None
    except VisitError as wrapped:  # lark's envelope around what _Builder raises
        if not isinstance(wrapped.orig_exc, _Refused):
            raise
        refused = wrapped.orig_exc
        raise SelectSyntaxError(fault_at(refused.at, text, refused.message, refused.advice)) from None


_OF_STATEMENTS = re.compile(
    r"\b(?:select|where|also|named|has|check|containing|regexp)\b|[=<>]|--|/\*", re.IGNORECASE
)
_OF_LINES = re.compile(
    r"\b(?:StudyInstanceUID|SeriesInstanceUID|\w*Description|NumImages|SeriesNumber|SequenceName|Modality"
    r"|Manufacturer\w*|ClassifyTypes?):|\.[*+]|\\[dwsb]"
)


def is_line_filter(text: str) -> bool:
    """Whether a text is no statement but a filter of the old kind: a regular expression on the line of a series."""
    line = text.strip()
    return "\n" not in line and not _OF_STATEMENTS.search(line) and _OF_LINES.search(line) is not None


def _with_checks(text: str, commands: list[Select | _Check]) -> tuple[Select, ...]:
    selects: list[Select] = []
    for command in commands:
        if isinstance(command, Select):
            selects.append(command)
        elif selects:
            last = selects.pop()
            selects.append(
                Select(last.level, last.source, last.wheres, (*last.checks, command.joins), last.at)
            )
        else:
            fault = fault_at(command.at, text, "a check belongs to the select before it, and there is none")
            raise SelectSyntaxError(fault)
    return tuple(selects)


@lru_cache(maxsize=1)
def _lark() -> Lark:
    grammar = resources.files("select_lang").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _syntax_error(text: str, stumble: UnexpectedInput) -> SelectSyntaxError:
    if isinstance(stumble, UnexpectedToken) and stumble.token.type != "$END":
        token = stumble.token
        at = Span(token.line or 1, token.column or 1, len(token))
        start, found = token.start_pos or 0, str(token)
    elif isinstance(stumble, UnexpectedCharacters):
        at, start, found = Span(stumble.line, stumble.column), stumble.pos_in_stream, stumble.char
    else:
        body = text.rstrip()
        at = Span(body.count("\n") + 1, len(body) - (body.rfind("\n") + 1) + 1)
        start, found = len(text), ""
    names = _expected(stumble)
    expected = in_words(names)
    what = f"{found!r} cannot stand here" if found else "the statement ends too early"
    message = f"{what}; expected {_one_of(expected)}" if expected else what
    advice = advise(Stumble(text, start, found, names))
    return SelectSyntaxError(fault_at(at, text, message, advice), expected)


def _expected(stumble: UnexpectedInput) -> frozenset[str]:
    if isinstance(stumble, UnexpectedToken):
        return frozenset(stumble.accepts)
    # Where no token could be cut off at all, lark knows only what the parser's table allows in any such place,
    # closing brackets among them even when none is open.
    return frozenset(getattr(stumble, "allowed", None) or ()) - {"RPAR", "COMMA"}


def _one_of(choices: tuple[str, ...]) -> str:
    return choices[0] if len(choices) == 1 else f"one of: {'  '.join(choices)}"


class _Refused(Exception):
    """Follows the grammar, but no tree can hold it."""

    def __init__(self, at: Span, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.at, self.message, self.advice = at, message, advice


class _Check:
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
            raise _Refused(at, f"{said} is said twice for one name")
        fields[field] = True if isinstance(part, Token) else part
    return Choice(**fields)


def _span(meta: Meta) -> Span:
    length = meta.end_pos - meta.start_pos if meta.end_line == meta.line else 1
    return Span(meta.line, meta.column, length)


def _shallow(condition: Logic[Any], at: Span) -> None:
    if depth(condition) > _DEEPEST:
        raise _Refused(at, f"the conditions are nested more than {_DEEPEST} deep")


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
class _Builder(Transformer_NonRecursive[Token, Any]):
    """Has one method for each rule of the grammar; each makes one node from what the rule's parts made.

    Without recursion, so that no depth of `not not not …` exhausts the stack before it can be refused.
    """

    def start(self, meta: Meta, commands: list[Select | _Check]) -> list[Select | _Check]:
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
            raise _Refused(_span(meta), "no study is left to look at", "Write first 1 study, or more.")
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
            raise _Refused(_span(meta), "at least 0 asks for nothing", "Write optional.")
        return Count(int(number), at_least)

    def pick(self, meta: Meta, parts: list[Any]) -> Pick:
        preference, *by = parts
        return Pick(Preference(preference.lower()), by[0] if by else None, _span(meta))

    def check(self, meta: Meta, parts: list[Joins]) -> _Check:
        _shallow(parts[0], _span(meta))
        return _Check(parts[0], _span(meta))

    def level(self, meta: Meta, parts: list[Token]) -> Level:
        if parts[0].type == "IMAGE":
            advice = "The smallest thing to select is a series; NumImages counts its images."
            raise _Refused(_span(meta), "single images cannot be selected", advice)
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
            raise _Refused(_span(meta), message, "Write A@X within 3 days of B@X.")
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
