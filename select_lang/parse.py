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
    AnyOf,
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    Joins,
    Level,
    Logic,
    Missing,
    Not,
    OneOf,
    Operator,
    Reference,
    Select,
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
    try:
        return _with_checks(text, _Builder().transform(_lark().parse(text)))
    except UnexpectedInput as stumble:
        raise _syntax_error(text, stumble) from None
    except VisitError as wrapped:  # lark's envelope around what _Builder raises
        if not isinstance(wrapped.orig_exc, _Refused):
            raise
        refused = wrapped.orig_exc
        raise SelectSyntaxError(fault_at(refused.at, text, refused.message, refused.advice)) from None


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

    def source(self, meta: Meta, parts: list[Level]) -> list[Level]:
        return parts

    def where(self, meta: Meta, parts: list[Any]) -> Where:
        *head, rules = parts
        _shallow(rules, _span(meta))
        # A level here says nothing: rules are always about series. ror takes any, and so do we.
        name = next((str(part) for part in head if isinstance(part, _Name)), None)
        return Where(name, rules, _span(meta))

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
        attribute, operator, value = parts
        return Compare(attribute, operator, value, _span(meta))

    def one_of(self, meta: Meta, parts: list[str]) -> OneOf:
        return OneOf(parts[0], tuple(parts[1:]), _span(meta))

    def between(self, meta: Meta, parts: list[str]) -> Between:
        attribute, low, high = parts
        return Between(attribute, low, high, _span(meta))

    def exists(self, meta: Meta, parts: list[str]) -> Exists:
        return Exists(parts[0], _span(meta))

    def missing(self, meta: Meta, parts: list[str]) -> Missing:
        return Missing(parts[0], _span(meta))

    def everything(self, meta: Meta, parts: list[str]) -> Everything:
        return Everything(_span(meta))

    def join(self, meta: Meta, parts: list[Any]) -> Join:
        left, operator, right = parts
        return Join(left, operator, right, _span(meta))

    def reference(self, meta: Meta, parts: list[str]) -> Reference:
        return Reference(str(parts[0]), parts[1], _span(meta))

    def order(self, meta: Meta, parts: list[Token]) -> Operator:
        return Operator("=" if parts[0] == "==" else parts[0])

    join_order = order

    def wording(self, meta: Meta, parts: list[Token]) -> Operator:
        words = {"CONTAINING": Operator.CONTAINING, "REGEXP": Operator.REGEXP, "STARTS": Operator.STARTS_WITH}
        return words[parts[0].type]

    def attribute(self, meta: Meta, parts: list[Token]) -> str:
        if parts[0].type == "TAG":
            group, element = re.findall(r"[0-9A-F]{4}", parts[0].upper())
            return f"({group},{element})"
        return str(parts[0])

    def name(self, meta: Meta, parts: list[Token]) -> _Name:
        return _Name(_unquoted(parts[0]))

    def value(self, meta: Meta, parts: list[Token]) -> str:
        return _unquoted(parts[0])
