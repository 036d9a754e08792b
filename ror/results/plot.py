"""A picture of one field: a box and every value, for each version of the workflows that give it.

It is written as SVG by ourselves: a drawing library would be ten times as large as everything it had to draw here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from html import escape

from ror.errors import NotAllowed, NotFound
from ror.results.raster import rasterized
from ror.results.statistics import FieldSummary, figure, number_of, quartiles
from ror.results.table import MeasurementRow

__all__ = ["Plot", "plotted"]

_HEIGHT, _TOP, _BOTTOM, _LEFT, _RIGHT = 460, 48, 74, 76, 24
_COLUMN, _BOX = 170, 60
_LETTER = 9  # of the title, about
_MOST_COLUMNS = 6  # in a row, so that a page of usual width shows its letters in their size
_LONGEST_NAME = 22  # letters that a column has room for
_INK, _PALE, _POINT, _GRID = "#333333", "#dbe7f3", "#1f6fb2", "#e3e3e3"
_TICKS = 6
_NO_UNIT = "1"  # UCUM's


@dataclass(frozen=True, slots=True)
class _Group:
    """The values of one version of a workflow, by size, each with what it is of."""

    workflow: str
    version: str
    values: tuple[tuple[float, str], ...]

    @property
    def numbers(self) -> list[float]:
        return [number for number, _of in self.values]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The axis: `low` is at the bottom of the picture, `high` at its top."""

    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> _Scale:
        low, high = min(numbers), max(numbers)
        margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return cls(low - margin, high + margin)

    def y(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - _TOP), 1)

    def ticks(self) -> list[float]:
        """Round numbers on it."""
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough)
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step) + 1)]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture; `svg`, `png` and `html` are whole files."""

    title: str
    unit: str
    groups: tuple[_Group, ...]

    @property
    def svg(self) -> str:
        """The picture alone: rows of a few columns each, all on the same scale."""
        rows = _rows(self.groups)
        width = max(_LEFT + _COLUMN * len(rows[0]), _LEFT + _LETTER * len(self.title)) + _RIGHT
        height = _HEIGHT * len(rows)
        scale = _Scale.of([number for group in self.groups for number in group.numbers])
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="26" font-size="16" font-weight="600">{escape(self.title)}</text>',
        ]
        for number, row in enumerate(rows):
            parts += [f'<g transform="translate(0 {number * _HEIGHT})">', *_axis(self.unit, scale, width)]
            for column, group in enumerate(row):
                parts += _drawn(group, scale, _LEFT + _COLUMN * (column + 0.5))
            parts.append("</g>")
        return "\n".join((*parts, "</svg>", ""))

    @property
    def png(self) -> bytes:
        """The same in dots."""
        return rasterized(self.svg)

    def html(self, summaries: Sequence[FieldSummary]) -> str:
        """A page with the picture and its figures, which loads nothing from anywhere."""
        names = [field.name for field in fields(FieldSummary)]
        head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(figure(value))}</td>" for value in astuple(one)) + "</tr>"
            for one in summaries
        )
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            "<style>body{font:15px system-ui,sans-serif;margin:2rem;color:#333}table{border-collapse:collapse}"
            "th,td{padding:.25rem .55rem;font-size:13px;text-align:left;border-bottom:1px solid #ddd}"
            "svg{max-width:100%}</style></head>"
            f"<body>\n{self.svg}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>\n"
            "<p>Each point is one measurement. A box is the middle half, with the median; its whiskers reach the "
            "values within 1.5 times its height.</p></body></html>\n"
        )


def _rows(groups: Sequence[_Group]) -> list[Sequence[_Group]]:
    """Rows of about the same length, the first the longest."""
    rows = math.ceil(len(groups) / _MOST_COLUMNS)
    columns = math.ceil(len(groups) / rows)
    return [groups[first : first + columns] for first in range(0, len(groups), columns)]


def _axis(unit: str, scale: _Scale, width: int) -> list[str]:
    parts = []
    for tick in scale.ticks():
        y = scale.y(tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y}" y2="{y}" stroke="{_GRID}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f'transform="translate(18 {middle}) rotate(-90)" text-anchor="middle"'
    return [*parts, f"<text {turned}>{escape(unit)}</text>"] if unit != _NO_UNIT else parts


def _drawn(group: _Group, scale: _Scale, x: float) -> list[str]:
    left, right = x - _BOX / 2, x + _BOX / 2
    low, first, median, third, high = map(scale.y, _five(group.numbers))
    parts = [
        f'<line x1="{x}" x2="{x}" y1="{high}" y2="{low}" stroke="{_INK}"/>',
        f'<rect x="{left}" y="{third}" width="{_BOX}" height="{max(first - third, 1):.1f}" '
        f'fill="{_PALE}" stroke="{_INK}"/>',
        f'<line x1="{left}" x2="{right}" y1="{median}" y2="{median}" stroke="{_INK}" stroke-width="2"/>',
    ]
    for number, (value, of) in enumerate(group.values):
        at = x + _BOX * 1.2 * (_spread(number) - 0.5)
        parts.append(
            f'<circle cx="{at:.1f}" cy="{scale.y(value)}" r="3.2" fill="{_POINT}" fill-opacity="0.6">'
            f"<title>{escape(of)}</title></circle>"
        )
    for line, text in enumerate((_cut(group.workflow), _cut(group.version), f"n = {len(group.values)}")):
        y = _HEIGHT - _BOTTOM + 22 + 17 * line
        parts.append(f'<text x="{x}" y="{y}" text-anchor="middle">{escape(text)}</text>')
    return parts


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _five(numbers: list[float]) -> tuple[float, float, float, float, float]:
    """Lower whisker, quartiles, upper whisker: Tukey's box plot."""
    first, median, third = quartiles(numbers)
    reach = 1.5 * (third - first)
    low = min(number for number in numbers if number >= first - reach)
    high = max(number for number in numbers if number <= third + reach)
    return low, first, median, third, high


def plotted(project: str, field_name: str, rows: Iterable[MeasurementRow]) -> Plot:
    """Draw the numbers of one field.

    Raises
    ------
    NotFound
        There are none.
    NotAllowed
        They are in more than one unit, and one axis would compare what cannot be compared.
    """
    groups: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    units: dict[str, None] = {}
    for row in rows:
        number = number_of(row.value)
        if row.field_name == field_name and number is not None:
            instance = f", instance {row.repeat_instance}" if row.repeat_instance else ""
            groups[row.workflow, row.version].append(
                (number, f"{row.record_id}{instance}: {row.value} {row.unit}")
            )
            units[row.unit] = None
    if not groups:
        raise NotFound(
            f"project {project} has no numbers of a field {field_name}",
            f"ror measurements summary --project {project}",
        )
    if len(units) > 1:
        raise NotAllowed(
            f"{field_name} of project {project} is in more than one unit: {', '.join(units)}",
            "convert what `ror measurements export` writes, and plot that",
        )
    drawn = tuple(
        _Group(one, version, tuple(sorted(groups[one, version]))) for one, version in sorted(groups)
    )
    return Plot(f"{field_name}, project {project}", next(iter(units)), drawn)


def _spread(number: int) -> float:
    """A place in 0..1 for the n-th of neighbours, far from those before it (van der Corput's sequence)."""
    place, part, rest = 0.0, 0.5, number + 1
    while rest:
        place += part * (rest & 1)
        rest, part = rest >> 1, part / 2
    return place
