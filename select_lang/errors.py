"""What can be wrong with a statement, or with a table of series.

::

    SelectError            the statement cannot be used; `faults` lists everything that is wrong with it, so that the
     │                     author can mend it in one go
     └─ SelectSyntaxError  the text does not follow the grammar; there is one fault, at the first place where it does
                           not, and `expected` says what could have stood there

    TableError             the CSV of series cannot be used; `faults` lists what to mend, by row and column

All carry facts (`Fault`: line, column, message, advice; `TableFault`: row, column, message) and read as text for
people. Nothing here comes from images, and of a table no more than the names of its columns.
"""

from __future__ import annotations

from dataclasses import dataclass

from select_lang.span import Span

__all__ = ["Fault", "SelectError", "SelectSyntaxError", "TableError", "TableFault", "fault_at"]

_WIDEST = 120
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    `line` and `column` start at 1 (0 when the statement did not come from text); `excerpt` is that line of the text.
    """

    message: str
    line: int
    column: int
    length: int
    excerpt: str
    advice: str | None = None

    def __str__(self) -> str:
        """Say what is wrong, show it, and say what to do."""
        shown = [self.message]
        if self.line:
            shown[0] = f"line {self.line}, column {self.column}: {self.message}"
        if self.excerpt:
            shown += ["  " + line for line in self._pointed_at()]
        if self.advice:
            shown.append("  " + self.advice)
        return "\n".join(shown)

    def _pointed_at(self) -> tuple[str, str]:
        """The line with a caret line below it; of a very long line, what is near the place."""
        start = max(0, self.column - 61) if len(self.excerpt) > _WIDEST else 0
        shown = self.excerpt[start : start + _WIDEST]
        before = shown[: self.column - 1 - start]
        width = max(1, min(self.length, len(shown) - len(before)))
        # A tab in the text is a tab before the caret, so that both lines are equally wide.
        return shown, "".join("\t" if char == "\t" else " " for char in before) + "^" * width


def fault_at(span: Span, text: str, message: str, advice: str | None = None) -> Fault:
    """A fault at a place in `text`."""
    lines = text.split("\n")
    excerpt = lines[span.line - 1].rstrip("\r") if 1 <= span.line <= len(lines) else ""
    return Fault(message, span.line, span.column, span.length, excerpt, advice)


class SelectError(Exception):
    """The statement cannot be used: every fault, in the order of the text."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class SelectSyntaxError(SelectError):
    """The text does not follow the grammar.

    `line`, `column` and `advice` are those of the one fault; `expected` lists what could have stood there.
    """

    def __init__(self, fault: Fault, expected: tuple[str, ...] = ()) -> None:
        super().__init__((fault,))
        self.line, self.column, self.advice = fault.line, fault.column, fault.advice
        self.expected = expected


@dataclass(frozen=True, slots=True)
class TableFault:
    """One thing that is wrong with a table; the header is row 1, and row 0 is the whole table."""

    message: str
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        """Say where it is, as far as it is at one place, and what is wrong."""
        place = [f"row {self.row}"] if self.row else []
        place += [f"column {self.column}"] if self.column else []
        return ": ".join(filter(None, [", ".join(place), self.message]))


class TableError(Exception):
    """The table cannot be used: every fault, in the order of its rows."""

    def __init__(self, faults: tuple[TableFault, ...]) -> None:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        super().__init__("\n".join([*map(str, faults[:_MOST_FAULTS]), *more]))
        self.faults = faults
