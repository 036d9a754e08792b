"""Tree → automaton, and its run over a value, without backtracking."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from select_lang.regexp.pattern import Alternatives, Assertion, Node, OneChar, RegexpFault, Repeat, Sequence

__all__ = ["Automaton", "build"]

MOST_STATES = 500
MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class _Read:
    accepts: re.Pattern[str]
    following: int


@dataclass(frozen=True, slots=True)
class _Assert:
    assertion: Assertion
    following: int


@dataclass(frozen=True, slots=True)
class _Fork:
    branches: tuple[int, ...]


_State: TypeAlias = _Read | _Assert | _Fork | None
"""None accepts."""
_FOUND = frozenset({-1})


@dataclass(frozen=True, slots=True)
class Automaton:
    """States by number, of which one is the first and the one that is None accepts."""

    states: tuple[_State, ...]
    first: int
    _steps: dict[tuple[frozenset[int], str, str], frozenset[int]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def found_in(self, value: str) -> bool:
        """Whether some part of the value is matched, in at most states × characters steps."""
        reached: frozenset[int] = frozenset()
        before, remembered = "", self._steps.get
        for at in range(len(value) + 1):
            after = value[at : at + 1]
            key = (reached, before, after)
            # Values are alike, so that a step which was taken is remembered.
            following = remembered(key)
            if following is None:
                following = self._step(*key)
                self._remember(key, following)
            if following is _FOUND:
                return True
            reached = following
            # Of the character before a place, all that counts is whether it belongs to a word.
            before = "_" if after.isalnum() or after == "_" else " "
        return False

    def _remember(self, key: tuple[frozenset[int], str, str], following: frozenset[int]) -> None:
        if len(self._steps) >= MOST_STEPS:
            self._steps.clear()
        self._steps[key] = following

    def _step(self, reached: frozenset[int], before: str, after: str) -> frozenset[int]:
        """What is reached by reading the character `after`; `_FOUND` when a match has ended before it."""
        # A match may start anywhere, so the first state is reached at every character.
        readers, accepted = self._without_reading((*reached, self.first), before + after, len(before))
        if accepted:
            return _FOUND
        return frozenset(read.following for read in readers if after and read.accepts.fullmatch(after))

    def _without_reading(self, start: Iterable[int], value: str, at: int) -> tuple[list[_Read], bool]:
        """States that wait for the next character, of all that are reached without reading one."""
        readers: list[_Read] = []
        waiting = list(start)
        seen = set(waiting)
        while waiting:
            following: tuple[int, ...] = ()
            match self.states[waiting.pop()]:
                case None:
                    return readers, True
                case _Read() as read:
                    readers.append(read)
                case _Fork(branches):
                    following = branches
                case _Assert(assertion, after):
                    following = (after,) if _holds(assertion, value, at) else ()
            for state in following:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return readers, False


def _holds(assertion: Assertion, value: str, at: int) -> bool:
    match assertion:
        case Assertion.START:
            return at == 0
        case Assertion.END:
            return at == len(value)
        case Assertion.EDGE:
            return _in_word(value, at - 1) != _in_word(value, at)
        case Assertion.NO_EDGE:
            return bool(value) and _in_word(value, at - 1) == _in_word(value, at)


def _in_word(value: str, at: int) -> bool:
    return 0 <= at < len(value) and (value[at].isalnum() or value[at] == "_")


def build(pattern: Node) -> Automaton:
    """The automaton of a pattern; raises `RegexpFault` when it needs more than `MOST_STATES` states."""
    states: list[_State] = [None]
    first = _build(pattern, 0, states)
    return Automaton(tuple(states), first)


def _build(node: Node, following: int, states: list[_State]) -> int:
    """Append the states of a node that is followed by a state; return the number of its first one.

    Every node makes at least one state, so that their number bounds the work, too.
    """
    match node:
        case OneChar(accepts):
            return _append(_Read(accepts, following), states)
        case Assertion():
            return _append(_Assert(node, following), states)
        case Sequence(parts):
            first = _append(_Fork((following,)), states)
            for part in reversed(parts):
                first = _build(part, first, states)
            return first
        case Alternatives(choices):
            return _append(_Fork(tuple(_build(choice, following, states) for choice in choices)), states)
        case Repeat(part, low, None):
            first = _append(_Fork(()), states)
            states[first] = _Fork((_build(part, first, states), following))
        case Repeat(part, low, int(high)):
            first = _append(_Fork((following,)), states)
            for _ in range(high - low):
                first = _append(_Fork((_build(part, first, states), following)), states)
    for _ in range(low):
        first = _build(part, first, states)
    return first


def _append(state: _State, states: list[_State]) -> int:
    if len(states) >= MOST_STATES:
        raise RegexpFault(f"so many repeats that it needs more than {MOST_STATES} states")
    states.append(state)
    return len(states) - 1
