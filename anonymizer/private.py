"""Retain Safe Private (PS3.15 E.3.10): private attributes that the standard itself calls safe, by their creator.

A private attribute is known by group, the last two digits of its element, and the name of who reserved its block
(PS3.5 7.8.1). Its value must be what the list says it is; text is cleaned; sequences are never kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, TypeAlias

from anonymizer.clean import Cleaner
from anonymizer.lines import PrivateLine
from anonymizer.text import Charsets, decode, encode
from anonymizer.values import is_number_text, number_size, same_family
from anonymizer.wire import Element

__all__ = ["PRIVATE_VRS", "kept_private", "safe_by", "safe_private"]

_TEXT: Final = frozenset({"CS", "LO", "SH"})
# Values that can be checked to be what they are said to be, and nothing else.
PRIVATE_VRS: Final = _TEXT | {"DS", "IS", "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"}
# VR by creator, group, and last two digits of the element.
Safe: TypeAlias = Mapping[tuple[str, int, int], str]


@cache
def safe_private() -> Safe:
    """What the standard lists (PS3.15 Table E.3.10-1)."""
    text = files("anonymizer").joinpath("data", "safe_private.json").read_text(encoding="utf-8")
    return {
        (creator, int(tag[:4], 16), int(tag[-2:], 16)): vr
        for creator, tag, vr, _meaning in json.loads(text)["attributes"]
    }


@lru_cache(maxsize=256)
def safe_by(own: frozenset[PrivateLine]) -> Safe:
    """What a profile with its own lines about private attributes keeps: the standard's list, with more and less."""
    more = {(line.creator, line.group, line.element): line.vr for line in own}
    return {key: vr for key, vr in {**safe_private(), **more}.items() if vr}


def kept_private(
    elements: tuple[Element, ...],
    charsets: Charsets,
    cleaner: Cleaner,
    own: frozenset[PrivateLine] = frozenset(),
) -> dict[int, Element]:
    """The safe private elements of a data set or item as they may come out, with what reserves their blocks."""
    safe_list = safe_by(own)
    blocks = {
        (element.tag >> 16, element.tag & 0xFFFF): element
        for element in elements
        if element.tag >> 16 & 1 and 0x10 <= element.tag & 0xFFFF <= 0xFF and element.items is None
    }
    kept: dict[int, Element] = {}
    for element in elements:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        block = blocks.get((group, number >> 8))
        if block is None or not group & 1:
            continue
        creator = decode(block.value, charsets).strip(" \0")
        vr = safe_list.get((creator, group, number & 0xFF))
        safe = None if vr is None else _safe(element, vr, charsets, cleaner)
        if safe is not None:
            kept[element.tag] = safe
            kept[block.tag] = Element(block.tag, "LO", encode(creator, charsets))
    return kept


def _safe(element: Element, vr: str, charsets: Charsets, cleaner: Cleaner) -> Element | None:
    """The element if its value is of the listed VR, written so or as unknown; None if it is something else."""
    if element.items is not None or not (element.vr == "UN" or same_family(element.vr, vr)):
        return None
    value = bytes(element.value)
    if vr in _TEXT:
        text = decode(value, charsets).strip(" \0")
        clean = cleaner.clean(text)
        return Element(element.tag, vr, encode(clean, charsets)) if clean else None
    size = number_size(vr)
    if size:
        return element if len(value) % size == 0 else None
    return Element(element.tag, vr, value) if vr in ("DS", "IS") and is_number_text(value) else None
