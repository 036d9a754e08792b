"""How far two values are apart, and what a series is compared with others by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from select_lang.attributes import Kind, kind_of
from select_lang.catalogue import Series
from select_lang.values import Value, read_value

__all__ = ["apart", "has_distance", "moments", "said"]


def moments(series: Series, attribute: str) -> Sequence[Value | None]:
    """The values by which a series is compared with another; None for what does not read as its kind.

    Many scanners write AcquisitionDate and AcquisitionTime (PS3.3 C.7.6.1) and no AcquisitionDateTime, which is then
    put together from the two.
    """
    held = [read_value(kind_of(attribute), text) for text in series.values(attribute)]
    return held or (_put_together(series) if attribute == "AcquisitionDateTime" else [])


def said(series: Series, attribute: str) -> tuple[str, ...]:
    """What a message says that these values are."""
    together = attribute == "AcquisitionDateTime" and not series.values(attribute) and _put_together(series)
    return tuple(str(value) for value in together if value) if together else series.values(attribute)


def _put_together(series: Series) -> list[Value | None]:
    days, hours = series.values("AcquisitionDate"), series.values("AcquisitionTime")
    if not days or not hours:
        return []
    day, hour = read_value(Kind.DATE, days[0]), read_value(Kind.TIME, hours[0])
    return [datetime.combine(day, hour) if isinstance(day, date) and isinstance(hour, time) else None]


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
