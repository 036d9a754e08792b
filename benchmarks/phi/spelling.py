"""The many ways in which a name or a date is written into a text."""

from __future__ import annotations

import random
from datetime import date
from typing import Final

from benchmarks.phi.folding import folded, spelt_out
from benchmarks.phi.person import Person

__all__ = ["dates", "names"]

_MONTHS: Final = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "no": ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober",
           "november", "desember"),
}  # fmt: skip


def names(person: Person, draw: random.Random) -> tuple[str, tuple[str, ...]]:
    """A text that names a patient, and each word of it that must not come out."""
    family, given = person.family, person.given
    ways: list[tuple[str, tuple[str, ...]]] = [
        (f"{given} {family}", (family, given)),
        (f"{family}, {given}", (family, given)),
        (f"{family.upper()}^{given.upper()}", (family, given)),
        (f"{folded(family).upper()}_{folded(given)}", (folded(family), folded(given))),
        (f"{spelt_out(family)}-{spelt_out(given)}", (spelt_out(family), spelt_out(given))),
        (f"T2_{family}3", (family,)),
        (f"x{family.lower()}x", (family,)),
        (family[: max(6, len(family) - 2)], (family[: max(6, len(family) - 2)],)),
        (f"({given.lower()})", (given,)),
    ]
    return draw.choice(ways)


def dates(day: date, draw: random.Random) -> str:
    """A day in one of the ways that people and machines write it."""
    month, other = _MONTHS["en"][day.month - 1], _MONTHS["no"][day.month - 1]
    ways = [
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        f"{day:%d.%m.%Y}",
        f"{day.day}. {other} {day.year}",
        f"{day:%d}{month[:3].upper()}{day.year}",
        f"{day:%m/%d/%y}",
        f"{month} {day.day}, {day.year}",
        f"{day:%d-%m-%y}",
        f"{day:%Y/%m/%d}",
        f"{day.day} {month[:3]} {day.year}",
        f"{day:%d%m%y}",
    ]
    return draw.choice(ways)
