"""Dates moved by whole days, ages capped (PS3.5 6.2: DA, DT, TM, AS).

A value that is not what its VR promises is not guessed at: None, and the caller takes the stricter action.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

__all__ = ["ZONE", "capped_age", "checked_date", "checked_time", "shifted"]

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
_LONGEST_DATE = 10  # as the standard's forerunner had it, with two dots


def shifted(value: bytes, days: int) -> bytes | None:
    """Every date (DA or DT) of a value moved by `days`; times of day and zones stay."""
    moved = [_shift_one(part.strip(b" \0"), days) for part in value.split(b"\\")]
    whole = [part for part in moved if part is not None]
    return _even(b"\\".join(whole)) if len(whole) == len(moved) else None


def _shift_one(part: bytes, days: int) -> bytes | None:
    if not part:
        return b""
    match = (len(part) <= _LONGEST_DATE and _DATE.fullmatch(part)) or _DATE_TIME.fullmatch(part)
    if match is None:
        return None
    try:
        day = date(*(int(number) for number in match.groups()[:3])) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    rest: bytes = match.group(4) if match.re is _DATE_TIME else b""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}".encode() + rest


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
