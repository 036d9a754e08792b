"""What can be looked for: dates, times, UIDs and numbers as PS3.5 6.2 and PS3.4 C.2.2.2 write them.

A client that writes them otherwise would be told that there is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ror.web.elements import vr_of
from ror.web.matching import NUMBERS

__all__ = ["value_fault"]

_UID: Final = re.compile(r"[0-9.]{1,64}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?")
_MOMENT: Final = re.compile(r"(?P<day>[0-9]{4,8})(?P<time>[0-9]{2,6}(\.[0-9]{1,6})?)?([+-][0-9]{4})?")
_DAYS: Final = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}


def value_fault(keyword: str, text: str) -> str:
    """Why nothing can have this value, or lie in this range, or nothing.

    Dates may be cut short, as the ends of a range may: 2026 is a whole year.
    """
    vr = vr_of(keyword)
    if vr == "UI":
        return "" if _UID.fullmatch(text) else "no UID: digits and dots, at most 64"
    if vr in NUMBERS:
        return "" if _NUMBER.fullmatch(text) else "no number"
    if vr not in _KINDS:
        return ""
    is_one, how = _KINDS[vr]
    return "" if is_one(text) or _is_range(text, is_one) else how


def _is_range(text: str, is_one: Callable[[str], bool]) -> bool:
    """Two of them, of which one may be left out, around a hyphen; offsets from UTC have hyphens, too."""
    if text == "-":
        return False
    hyphens = (at for at, letter in enumerate(text) if letter == "-")
    return any(all(not end or is_one(end) for end in (text[:at], text[at + 1 :])) for at in hyphens)


def _is_date(text: str) -> bool:
    if not (text.isascii() and text.isdigit() and len(text) in _DAYS):
        return False
    try:
        datetime.strptime(text, _DAYS[len(text)])
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def _is_moment(text: str) -> bool:
    parts = _MOMENT.fullmatch(text)
    return parts is not None and _is_date(parts["day"]) and (not parts["time"] or _is_time(parts["time"]))


_KINDS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "DA": (_is_date, "no date as 20260131, nor a range as 20260101-20260131"),
    "TM": (_is_time, "no time as 235959.5, nor a range as 1200-1300"),
    "DT": (_is_moment, "no time as 20260131235959.5, nor a range of two, parted by a hyphen"),
}
