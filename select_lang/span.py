"""Where in the text something stood."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOWHERE", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a statement's text, counted in characters; lines and columns start at 1."""

    line: int
    column: int
    length: int = 1


NOWHERE = Span(0, 0, 0)
"""The place of a node that was made by a program, not read from text."""
