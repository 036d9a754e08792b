"""Regular expressions that cannot hang.

A backtracking engine, Python's `re` among them, can need time exponential in the length of a value, and patterns come
from users while values come from anybody's scanner. So a pattern is compiled to an automaton (K. Thompson, CACM 11(6),
1968), which needs at most states × characters steps. What no automaton can do is refused: back-references and looking
around, which Go's engine, and so ror, never had either. Syntax and meaning are else those of `re`.
"""

from __future__ import annotations

from functools import lru_cache

from select_lang.regexp.automaton import Automaton, build
from select_lang.regexp.pattern import RegexpFault, read_pattern

__all__ = ["RegexpFault", "compile_regexp", "found_in"]

LONGEST_VALUE = 4096
"""Of a longer value only so many characters are looked at."""


@lru_cache(maxsize=512)
def compile_regexp(pattern: str) -> Automaton:
    """Compile a pattern, or raise `RegexpFault`: it is wrong, too large, or asks for what an automaton cannot do."""
    return build(read_pattern(pattern))


@lru_cache(maxsize=65536)
def found_in(pattern: str, value: str) -> bool:
    """Whether the pattern matches anywhere in the value; remembered, as the same descriptions come again and again."""
    return compile_regexp(pattern).found_in(value[:LONGEST_VALUE])
