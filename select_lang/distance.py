"""How far two values are apart, and what a series is compared with others by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from select_lang.attributes import Kind, kind_of
from select_lang.catalogue import Series
from select_lang.values import Value, read_value

__all__ = ["apart", "has_distance", "moments"]


def moments(series: Series, attribute: str) -> Sequence[Value | None]:
    """The values by which a series is compared with another; None for what does not read as its kind.

    Many scanners write AcquisitionDate and AcquisitionTime (PS3.3 C.7.6.1) and no AcquisitionDateTime, which is then
    put together from the two.
    """
    held = series.values(attribute)
    if not held and attribute == "AcquisitionDateTime":
        day, hour = series.values("AcquisitionDate"), series.values("AcquisitionTime")
        held = (f"{day[0]}{hour[0]}",) if day and hour else ()
    return [read_value(kind_of(attribute), text) for text in held]


def apart(left: Value, right: Value) -> Decimal | timedelta:
    """The distance of two values of one kind: a time span, or a number (days, of ages).

    Raises
    ------
    TypeError
        They are texts, or of two kinds.
    """
    match left, right:
        case Decimal(), Decimal():
            return abs(left - right)
        case datetime(), datetime():
            return abs(left - right)
        case time(), time():
            return abs(datetime.combine(date.min, left) - datetime.combine(date.min, right))
        case date(), date():
            return abs(left - right)
        case _:
            raise TypeError(f"{type(left).__name__} and {type(right).__name__} are no distance apart")


def has_distance(kind: Kind) -> bool:
    """Whether `apart` can tell how far two values of this kind are apart."""
    return kind not in (Kind.TEXT, Kind.LIST)
