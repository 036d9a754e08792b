"""Dates moved by whole days, ages capped (PS3.5 6.2: DA, DT, TM, AS).

A value that is not what its VR promises is not guessed at: None, and the caller takes the stricter action.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache, partial

__all__ = ["ZONE", "capped_age", "checked_date", "checked_time", "shifted", "shifter"]

_DATE = re.compile(rb"(\d{4})\.?(\d{2})\.?(\d{2})")
# DT as precise as a day at least: less cannot be moved by days.
_HOUR, _MINUTE, _SECOND = rb"(?:[01]\d|2[0-3])", rb"[0-5]\d", rb"(?:[0-5]\d|60)(?:\.\d{1,6})?"
ZONE = re.compile(rb"[+-](?:0\d|1[0-4])[0-5]\d ?")
_CLOCK = rb"(?:%s(?:%s(?:%s)?)?)?" % (_HOUR, _MINUTE, _SECOND)
_DATE_TIME = re.compile(rb"(\d{4})(\d{2})(\d{2})(%s(?:%s)?)" % (_CLOCK, ZONE.pattern.removesuffix(b" ?")))
_MONTH = re.compile(rb"\d{4}(?:\d{2})?")
# One or more, of which each may be empty.
_TIME = rb"[ \0]*+(?:%s(?::?%s(?::?%s)?)?[ \0]*+)?" % (_HOUR, _MINUTE, _SECOND)
_TIMES = re.compile(rb"%s(?:\\%s)*+" % (_TIME, _TIME))
_AGE = re.compile(rb"(\d{3})([DWMY])")
_OLDEST_YEARS = 90
_DAYS_REMEMBERED = 64
_LONGEST_DATE = 10  # as the standard's forerunner had it, with two dots


def shifted(value: bytes, days: int) -> bytes | None:
    """Every date (DA or DT) of a value moved by `days`; times of day and zones stay."""
    return _each_moved(value, partial(_moved, days=days))


def shifter(days: int) -> Callable[[bytes], bytes | None]:
    """`shifted` by so many days for many values, of which most are times of the same few days."""
    return partial(_each_moved, moved=lru_cache(_DAYS_REMEMBERED)(partial(_moved, days=days)))


def _each_moved(value: bytes, moved: Callable[[bytes, bytes, bytes], bytes | None]) -> bytes | None:
    parts = []
    for part in value.split(b"\\"):
        text = part.strip(b" \0")
        if text:
            match = (len(text) <= _LONGEST_DATE and _DATE.fullmatch(text)) or _DATE_TIME.fullmatch(text)
            if match is None:
                return None
            year, month, day, *rest = match.groups()
            date_moved = moved(year, month, day)
            if date_moved is None:
                return None
            text = date_moved + rest[0] if rest else date_moved
        parts.append(text)
    return _even(b"\\".join(parts))


def _moved(year: bytes, month: bytes, day: bytes, days: int) -> bytes | None:
    """The day so many days later, as DA has it; None where one of the two is not in the calendar."""
    try:
        then = date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{then.year:04d}{then.month:02d}{then.day:02d}".encode()


def checked_date(value: bytes) -> bytes | None:
    """The value if every part of it is a date (DA or DT), be it only a month or a year."""
    parts = (part.strip(b" \0") for part in value.split(b"\\"))
    return value if all(_MONTH.fullmatch(part) or shifted(part, 0) is not None for part in parts) else None


def checked_time(value: bytes) -> bytes | None:
    """The value if every part of it is a time of day."""
    return value if _TIMES.fullmatch(value) else None


def capped_age(value: bytes) -> bytes | None:
    """The age (AS), or ``090Y`` for everyone older: so few are that old that the age alone may identify."""
    match = _AGE.fullmatch(value.strip(b" \0"))
    if match is None:
        return None
    years_old = match.group(2) == b"Y" and int(match.group(1)) > _OLDEST_YEARS - 1
    return b"%03dY" % _OLDEST_YEARS if years_old else value


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)
