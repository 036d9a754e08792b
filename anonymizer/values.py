"""Values by their VR: what is of one kind, what is a number, and what says nothing in a value's place."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from anonymizer.vocabulary import DUMMY_TEXT

__all__ = ["dummy_value", "is_decimal", "is_number_text", "number_size", "same_family"]

_FAMILIES: Final = {
    vr: family
    for family, vrs in {
        "text": "AE CS LO LT SH ST UC UR UT",
        "decimal": "DS IS",
        "binary": "AT FD FL OB OD OF OL OV OW SL SS SV UL US UV",
        "time": "DA DT TM AS",
    }.items()
    for vr in vrs.split()
}
_DECIMALS = re.compile(rb"[0-9eE.+\-\\ \0]*")
_DUMMIES: Final = {
    "AS": b"000Y",
    "CS": b"OTHER ",
    "DA": b"19000101",
    "DS": b"0 ",
    "DT": b"19000101000000",
    "IS": b"0 ",
    "OB": b"\0\0",
    "TM": b"000000",
    "UN": b"\0\0",
    "UR": b"urn:anonymized",
}
_OF_A_TAG: Final = {0x00080201: b"+0000 "}  # Timezone Offset From UTC
_BYTES_PER_NUMBER: Final = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


@lru_cache(maxsize=1024)
def same_family(vr: str, known: str) -> bool:
    """Whether a VR is of the kind that the dictionary has; ``known`` may be a choice, ``US or SS``."""
    families = {_FAMILIES.get(one, one) for one in known.split(" or ")}
    return vr != "UN" and not families.isdisjoint(_FAMILIES.get(one, one) for one in vr.split(" or "))


def is_decimal(vr: str) -> bool:
    """Whether values of a VR are numbers written as text."""
    return _FAMILIES.get(vr) == "decimal"


def is_number_text(value: bytes | memoryview) -> bool:
    """Whether a value has no other characters than DS and IS have."""
    return _DECIMALS.fullmatch(value) is not None


def number_size(vr: str) -> int:
    """Bytes of a binary number, 0 for a VR that has none."""
    return _BYTES_PER_NUMBER.get(vr, 0)


def dummy_value(tag: int, vr: str) -> bytes:
    """A value of a VR that says nothing."""
    number = bytes(number_size(vr))
    known = _OF_A_TAG.get(tag) or _DUMMIES.get(vr) or number
    return known or (b"\0" * 8 if vr[0] == "O" else DUMMY_TEXT.encode())
