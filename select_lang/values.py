"""Values as they compare: text as DICOM writes it → number, date, time (PS3.5 6.2)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from select_lang.attributes import Kind

__all__ = ["Value", "read_value"]

Value: TypeAlias = str | Decimal | date | time | datetime

# Four digits of exponent are more than a double has, and keep a hostile number from being expanded.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(r"([0-9]{4})([-.]?)([0-9]{2})\2([0-9]{2})")
_TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
_DATETIME = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})"
    r"(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?)?)?)?(?:([+-])([0-9]{2})([0-9]{2}))?"
)
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
_DAYS = {"D": Decimal(1), "W": Decimal(7), "M": Decimal("30.4375"), "Y": Decimal("365.25")}


def read_value(kind: Kind, text: str) -> Value | None:
    """A value that compares as its kind should, or None when the text is not one of that kind.

    Values of the same kind compare with one another: numbers exactly, as decimals (0.9 equals 0.90); a date and time
    with an offset from UTC at its instant, one without as it stands; an age in days.
    """
    # Texts are not remembered: there is nothing to read, and of UIDs there is no end.
    return text.strip() if kind in (Kind.TEXT, Kind.LIST) else _read(kind, text.strip())


@lru_cache(maxsize=16384)
def _read(kind: Kind, text: str) -> Value | None:
    try:
        match kind:
            case Kind.NUMBER:
                return Decimal(text) if _NUMBER.fullmatch(text) else None
            case Kind.DATE:
                return _date(text)
            case Kind.TIME:
                return _time(text)
            case Kind.DATETIME:
                return _datetime(text)
            case Kind.AGE:
                return _age(text)
            case _:
                raise TypeError(f"{kind} is a text")
    except (ValueError, OverflowError):  # of the right shape, but no such day or hour
        return None


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    return date(int(found[1]), int(found[3]), int(found[4])) if found else None


def _time(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3))
    # 60 is a leap second (PS3.5 6.2, TM).
    return time(hour, minute, min(second, 59), int((found[4] or "").ljust(6, "0")))


def _datetime(text: str) -> datetime | None:
    found = _DATETIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    local = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59)
    )
    local += timedelta(microseconds=int((fraction or "").ljust(6, "0")))
    if sign is None:
        return local
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return local - offset if sign == "+" else local + offset


def _age(text: str) -> Decimal | None:
    found = _AGE.fullmatch(text)
    return Decimal(found[1]) * _DAYS[found[2]] if found else None
