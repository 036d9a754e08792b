"""Attributes of the index in the DICOM JSON Model (PS3.18 F.2): the index has text, JSON has numbers and names, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

__all__ = ["element", "keyword_of", "tag_of", "vr_of"]

_NAMES: Final = ("Alphabetic", "Ideographic", "Phonetic")  # PS3.5 6.2.1.1, parted by "="
_NUMBERS: Final[dict[str, Callable[[str], int | float]]] = {
    **dict.fromkeys(("IS", "SL", "SS", "SV", "UL", "US", "UV"), int),
    **dict.fromkeys(("DS", "FL", "FD"), float),
}


def keyword_of(name: str) -> str | None:
    """The keyword of an attribute that is named by keyword or by its eight hexadecimal digits; None if it is none."""
    if len(name) == 8 and all(one in "0123456789abcdefABCDEF" for one in name):
        return keyword_for_tag(int(name, 16)) or None
    return name if tag_for_keyword(name) is not None else None


def tag_of(keyword: str) -> str:
    """``0020000D``."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"{tag:08X}"


def vr_of(keyword: str) -> str:
    """The value representation; of those that depend on other attributes the first one."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return dictionary_VR(tag)[:2]


def element(keyword: str, values: Iterable[object]) -> dict[str, Any]:
    """One attribute: its VR, and its values if it has any."""
    vr = vr_of(keyword)
    shown = [_value(vr, str(value)) for value in values]
    return {"vr": vr, "Value": shown} if any(one is not None for one in shown) else {"vr": vr}


def _value(vr: str, text: str) -> object:
    if not text:
        return None
    if vr == "PN":
        return {name: part for name, part in zip(_NAMES, text.split("="), strict=False) if part}
    try:
        return _NUMBERS[vr](text) if vr in _NUMBERS else text
    except ValueError:
        return text  # a number that is none stays visible as what it is
