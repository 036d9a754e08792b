"""Is a unit of the kind that its quantity is measured in? A volume in kilograms passes every validator of DICOM.

Only what is certain is judged: seven quantities, and units made of metres, litres, ares, grams and seconds.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["fault_of_dimension", "is_size", "measures_extent"]

# By scheme and value: the power of length, and a unit that would do.
_QUANTITIES = {
    ("SCT", "118565006"): ("a volume", 3, "mL"),
    ("SCT", "42798000"): ("an area", 2, "mm2"),
    ("SCT", "410668003"): ("a length", 1, "mm"),
    ("SCT", "81827009"): ("a diameter", 1, "mm"),
    ("SCT", "103339001"): ("a long axis", 1, "mm"),
    ("SCT", "103340004"): ("a short axis", 1, "mm"),
    ("DCM", "121206"): ("a distance", 1, "mm"),
}
_ATOMS = {
    "m": Counter(length=1),
    "L": Counter(length=3),
    "l": Counter(length=3),
    "ar": Counter(length=2),
    "g": Counter(mass=1),
    "t": Counter(mass=1),
    "s": Counter(time=1),
}
_PLAIN = {
    "%": Counter(),
    "deg": Counter(angle=1),
    "rad": Counter(angle=1),
    "[hnsf'U]": Counter(attenuation=1),
    "min": Counter(time=1),
    "h": Counter(time=1),
    "d": Counter(time=1),
}
_PREFIXES = ("", *"YZEPTGMkhdcmunpfazy", "da")
_TERM = re.compile(r"(?P<atom>\[[^\]]+\]|[A-Za-z%]+)?(?P<exponent>[+-]?\d+)?")


def fault_of_dimension(scheme: str, code: str, unit: str) -> str | None:
    """Say that `unit` cannot measure the coded quantity; None where it can, or where that is not known."""
    quantity = _QUANTITIES.get((scheme, code))
    found = _dimension(unit)
    if quantity is None or found is None:
        return None
    name, power, example = quantity
    if found == Counter(length=power):
        return None
    return f"{unit!r} is no unit of {name}; write one, such as {example!r}"


def is_size(scheme: str, code: str) -> bool:
    """Whether a code names a length, an area or a volume."""
    return (scheme, code) in _QUANTITIES


def measures_extent(unit: str) -> bool:
    """Whether a number in `unit` says how large something is: a length, an area or a volume."""
    found = _dimension(unit)
    return found is not None and set(found) == {"length"} and found["length"] in (1, 2, 3)


def _dimension(unit: str) -> Counter[str] | None:
    """Powers of base quantities; None for a unit that is not known here."""
    total: Counter[str] = Counter()
    for number, part in enumerate(unit.split("/")):
        for term in filter(None, re.sub(r"\{[^}]*\}", "", part).split(".")):
            match = _TERM.fullmatch(term)
            atom = _atom(match["atom"]) if match else None
            if match is None or atom is None:
                return None
            power = int(match["exponent"] or 1) * (-1 if number else 1) if match["atom"] else 0
            for quantity, one in atom.items():
                total[quantity] += one * power
    return Counter({quantity: power for quantity, power in total.items() if power})


def _atom(text: str | None) -> Counter[str] | None:
    if text is None:  # a bare number
        return Counter()
    if text in _PLAIN:
        return _PLAIN[text]
    return next(
        (_ATOMS[text[len(p) :]] for p in _PREFIXES if text.startswith(p) and text[len(p) :] in _ATOMS), None
    )
