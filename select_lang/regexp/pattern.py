"""Pattern → tree. `re` says whether the pattern is correct, and matches its single characters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

__all__ = [
    "Alternatives",
    "Assertion",
    "Node",
    "OneChar",
    "RegexpFault",
    "Repeat",
    "Sequence",
    "read_pattern",
]

_LONGEST = 1000
_DEEPEST = 50

_ATOM = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|0[0-7]{0,2}|[0-3][0-7]{2}|[^1-9])"
    r"|\[\^?\]?(?:[^\]\\]|\\.)*\]|[^\\]",
    re.DOTALL,
)
_PIECE = re.compile(r"\\.|\[(?P<inside>\^?\]?(?:[^\]\\]|\\.)*)(?:\]|\\?\Z)|.", re.DOTALL)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_DOUBLED = re.compile(r"--|&&|~~|\|\|")
_REPEAT = re.compile(r"(?:[*+?]|\{(?!\})(?P<low>[0-9]*)(?:(?P<comma>,)(?P<high>[0-9]*))?\})(?P<mode>[?+]?)")
_GROUP = re.compile(r"\((?:\?P<\w+>|\?(?P<on>[a-zA-Z]*)(?:-(?P<off>[a-zA-Z]+))?:|(?!\?))")
_WHOLE_FLAGS = re.compile(r"\(\?(?P<on>[a-zA-Z]+)\)")
_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL}


class RegexpFault(ValueError):
    """The pattern is wrong, too large, or asks for what an automaton cannot do; the text says which."""


@dataclass(frozen=True, slots=True)
class OneChar:
    """One character: itself, ``.``, ``\\d``, or a class."""

    accepts: re.Pattern[str]


class Assertion(Enum):
    """A place between characters."""

    START = auto()
    END = auto()
    EDGE = auto()
    NO_EDGE = auto()


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; nothing when empty."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several."""

    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` times; `high` None is without limit. Greedy or lazy makes no difference to a yes or no."""

    part: Node
    low: int
    high: int | None


Node: TypeAlias = OneChar | Assertion | Sequence | Alternatives | Repeat

_ASSERTIONS = {
    "^": Assertion.START,
    r"\A": Assertion.START,
    "$": Assertion.END,
    r"\Z": Assertion.END,
    r"\b": Assertion.EDGE,
    r"\B": Assertion.NO_EDGE,
}


def read_pattern(pattern: str) -> Node:
    """Read a pattern.

    Raises
    ------
    RegexpFault
        `re` finds it incorrect; it has back-references, looks around, repeats without giving back, or sets flags other
        than i and s; or it is longer than 1000 characters or nested more than 50 deep.
    """
    if len(pattern) > _LONGEST:
        raise RegexpFault(f"longer than {_LONGEST} characters")
    _refuse_nested_classes(pattern)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        raise RegexpFault(str(fault)) from None
    return _Reader(pattern).read()


def _refuse_nested_classes(pattern: str) -> None:
    # `re` warns of what will mean a class in a class; warnings as errors would be so for every thread of the process.
    for found in _PIECE.finditer(pattern):
        inside = found["inside"]
        if inside is None:
            continue
        if inside.startswith("["):
            raise RegexpFault(f"[{inside[:4]}… is not supported: no class within a class")
        doubled = _DOUBLED.search(_ESCAPE.sub("x", inside).removeprefix("^"), 1)
        if doubled:
            raise RegexpFault(f"{doubled[0]} within a class is not supported: put \\ before it")


class _Reader:
    """Reads a pattern from left to right; `flags` are those in force."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth, self.flags = pattern, 0, 0, 0

    def read(self) -> Node:
        while whole := _WHOLE_FLAGS.match(self.pattern, self.at):
            self.flags, self.at = self.flags | _flags(whole["on"]), whole.end()
        return self.alternatives()

    def alternatives(self) -> Node:
        choices = [self.sequence()]
        while self.pattern.startswith("|", self.at):
            self.at += 1
            choices.append(self.sequence())
        return choices[0] if len(choices) == 1 else Alternatives(tuple(choices))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            part = self.group() if self.pattern[self.at] == "(" else self.atom()
            parts.append(self.repeated(part))
        return Sequence(tuple(parts))

    def group(self) -> Node:
        opened = _GROUP.match(self.pattern, self.at)
        if opened is None:
            raise RegexpFault(
                f"{self.pattern[self.at : self.at + 4]}… is not supported: no looking around, no back-references"
            )
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RegexpFault(f"nested more than {_DEEPEST} deep")
        outer, self.at = self.flags, opened.end()
        self.flags = (outer | _flags(opened["on"])) & ~_flags(opened["off"])
        inner = self.alternatives()
        self.flags, self.depth, self.at = outer, self.depth - 1, self.at + 1
        return inner

    def atom(self) -> Node:
        found = _ATOM.match(self.pattern, self.at)
        if found is None:
            raise RegexpFault("back-references are not supported")
        self.at = found.end()
        if found[0] in _ASSERTIONS:
            return _ASSERTIONS[found[0]]
        alone = re.escape(found[0]) if len(found[0]) == 1 and found[0] != "." else found[0]
        return OneChar(re.compile(alone, self.flags))

    def repeated(self, part: Node) -> Node:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return part
        if found["mode"] == "+":
            raise RegexpFault(f"{found[0]} is not supported: write {found[0][:-1]}")
        self.at = found.end()
        if found[0][0] in "*+?":
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0][0]]
        else:
            low = int(found["low"] or 0)
            high = low if found["comma"] is None else int(found["high"]) if found["high"] else None
        return Repeat(part, low, high)


def _flags(letters: str | None) -> int:
    flags = 0
    for letter in letters or "":
        if letter not in _FLAGS:
            raise RegexpFault(f"the flag {letter} is not supported, only i and s")
        flags |= _FLAGS[letter]
    return flags
