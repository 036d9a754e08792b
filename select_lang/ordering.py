"""The order in which series come: that of their acquisition, as far as the headers tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import TypeAlias

from select_lang.attributes import Kind
from select_lang.catalogue import Series
from select_lang.values import read_value

__all__ = ["Place", "last", "place"]

Place: TypeAlias = tuple[tuple[bool, date], tuple[bool, time], tuple[bool, Decimal], str]


def place(series: Series) -> Place:
    """By StudyDate, StudyTime, SeriesNumber and UID; what has no such value comes last."""
    day, hour, number = (
        read_value(kind, values[0]) if (values := series.values(keyword)) else None
        for keyword, kind in (
            ("StudyDate", Kind.DATE),
            ("StudyTime", Kind.TIME),
            ("SeriesNumber", Kind.NUMBER),
        )
    )
    return (
        (not isinstance(day, date), day if isinstance(day, date) else date.min),
        (not isinstance(hour, time), hour if isinstance(hour, time) else time.min),
        (not isinstance(number, Decimal), number if isinstance(number, Decimal) else Decimal(0)),
        series.uid,
    )


def last(series: Sequence[Series]) -> Series:
    """The last of some series by the same values; what has no such value cannot be the last of several."""
    return max(series, key=_known_place)


def _known_place(series: Series) -> Place:
    day, hour, number, uid = place(series)
    return (not day[0], day[1]), (not hour[0], hour[1]), (not number[0], number[1]), uid
