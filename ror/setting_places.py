"""Where in ``ror.toml`` a setting stands, so that a fault can name its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

__all__ = ["key_in", "line_of"]

_KEY = re.compile(r"\s*\[*\s*([A-Za-z0-9_.-]+)")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, counted from 1, on which a setting ends, or the last of its sections that is there; None without one.

    The parser tells no lines, so the file is read again up to each: this is for one that is wrong, and short.
    """
    found, depth = None, 0
    for number, read in _beginnings(text):
        if (now := _depth(read, path)) > depth:
            found, depth = number, now
    return found


def key_in(text: str, line: int) -> str:
    """The key, or the section, that a line begins with; "" if it begins with none. No value is told."""
    lines = text.splitlines()
    key = _KEY.match(lines[line - 1]) if 0 < line <= len(lines) else None
    return key[1] if key else ""


@lru_cache(maxsize=1)  # a file has several faults
def _beginnings(text: str) -> tuple[tuple[int, dict[str, Any]], ...]:
    lines, read = text.splitlines(keepends=True), []
    for number in range(1, len(lines) + 1):
        try:
            read.append((number, tomllib.loads("".join(lines[:number]))))
        except tomllib.TOMLDecodeError:  # within a value of several lines
            continue
    return tuple(read)


def _depth(read: Any, path: Sequence[str | int]) -> int:
    """How many steps of a path there are."""
    for depth, step in enumerate(path):
        try:
            read = read[step]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(path)
