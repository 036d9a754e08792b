"""A measured figure, its peer, and its budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rich.table import Table

__all__ = ["Budget", "Figure", "as_json", "as_table"]


class Of(StrEnum):
    """What a budget limits."""

    VALUE = "value"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit for our value, or for its ratio to the peer's."""

    of: Of
    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def ratio(cls, *, at_least: float) -> Budget:
        """Ours must be at least so many times the peer's."""
        return cls(Of.RATIO, at_least=at_least)

    @classmethod
    def value(cls, *, at_least: float | None = None, at_most: float | None = None) -> Budget:
        """Ours must be within these, whatever a peer does."""
        return cls(Of.VALUE, at_least, at_most)

    def __str__(self) -> str:
        unit = " × peer" if self.of is Of.RATIO else ""
        parts = [f"≥ {self.at_least:g}{unit}"] if self.at_least is not None else []
        parts += [f"≤ {self.at_most:g}{unit}"] if self.at_most is not None else []
        return " and ".join(parts)

    def holds(self, measured: float) -> bool:
        """Whether it is kept."""
        enough = self.at_least is None or measured >= self.at_least
        return enough and (self.at_most is None or measured <= self.at_most)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `theirs` is the peer's value, in the same unit and of the same run."""

    what: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    budget: Budget | None = None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def reached(self) -> bool | None:
        """Whether the budget is kept; None where there is none, or where its peer is not installed."""
        if self.budget is None:
            return None
        measured = self.ratio if self.budget.of is Of.RATIO else self.ours
        return None if measured is None else self.budget.holds(measured)


def as_table(figures: Iterable[Figure]) -> Table:
    """The figures for people."""
    table = Table("figure", "peer", box=None, pad_edge=False)
    for heading in ("ours", "theirs", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    table.add_column("budget")
    table.add_column("reached")
    for one in figures:
        table.add_row(
            one.what,
            one.peer,
            _number(one.ours),
            _number(one.theirs),
            _number(one.ratio),
            one.unit,
            str(one.budget or ""),
            {True: "yes", False: "no", None: ""}[one.reached],
        )
    return table


def as_json(figures: Iterable[Figure]) -> list[dict[str, object]]:
    """The figures for machines."""
    return [
        {
            "figure": one.what,
            "ours": one.ours,
            "peer": one.peer,
            "theirs": one.theirs,
            "ratio": one.ratio,
            "unit": one.unit,
            "budget": str(one.budget or ""),
            "reached": one.reached,
        }
        for one in figures
    ]


def _number(value: float | None) -> str:
    # Three significant digits are more than two shared cores can promise.
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
