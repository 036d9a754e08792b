"""Text → tree, through lark and `build`."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from select_lang.advice import Stumble, advise, in_words
from select_lang.build import Builder, Check, Refused
from select_lang.errors import SelectSyntaxError, fault_at
from select_lang.span import Span
from select_lang.tree import Level, LineFilter, Select, Where

__all__ = ["parse"]

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
    if _is_line_filter(text):
        at = Span(1, 1, len(text.strip()))
        return (Select(Level.SERIES, None, (Where(None, LineFilter(text.strip(), at), at=at),), at=at),)
    try:
        return _with_checks(text, Builder().transform(_lark().parse(text)))
    except UnexpectedInput as stumble:
        raise _syntax_error(text, stumble) from None
    except VisitError as wrapped:  # lark's envelope around what Builder raises
        if not isinstance(wrapped.orig_exc, Refused):
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


def _is_line_filter(text: str) -> bool:
    """Whether a text is no statement but a filter of the old kind: a regular expression on the line of a series."""
    line = text.strip()
    return "\n" not in line and not _OF_STATEMENTS.search(line) and _OF_LINES.search(line) is not None


def _with_checks(text: str, commands: list[Select | Check]) -> tuple[Select, ...]:
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
