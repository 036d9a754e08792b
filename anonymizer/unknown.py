"""Attributes that an archive did not know and stored as UN, though the data dictionary knows them (PS3.5 6.2.2).

Their values are what they would be in an object of implicit VR little endian, where the dictionary alone says the VR
too. So they get the dictionary's VR, and what follows treats, and searches, them like any other; in big endian and
where the dictionary has a choice, numbers stay unknown.
"""

from __future__ import annotations

from typing import Final

from anonymizer.errors import Unreadable
from anonymizer.table import vr_of
from anonymizer.text import TEXT_VRS
from anonymizer.values import number_size
from anonymizer.wire import Element, Encoding, read_items

__all__ = ["recognised", "recognised_element"]

_AS_TEXT: Final = TEXT_VRS | {"AS", "DA", "DS", "DT", "IS", "TM", "UI"}
_INSIDE: Final = Encoding(implicit=True, little=True)


def recognised(elements: tuple[Element, ...], encoding: Encoding) -> tuple[Element, ...]:
    """The elements with those of VR UN in the VR that the dictionary gives them, at any depth."""
    found = tuple([recognised_element(element, encoding) for element in elements])
    unchanged = all(new is old for new, old in zip(found, elements, strict=True))
    return elements if unchanged else found


def recognised_element(element: Element, encoding: Encoding) -> Element:
    """As `recognised`, for one element."""
    if element.vr == "UN" and not element.tag >> 16 & 1:
        element = _known(element, encoding)
    if element.vr != "SQ" or not element.items:
        return element
    items = tuple(recognised(item, encoding) for item in element.items)
    unchanged = all(new is old for new, old in zip(items, element.items, strict=True))
    return element if unchanged else Element(element.tag, "SQ", items=items)


def _known(element: Element, encoding: Encoding) -> Element:
    vr = vr_of(element.tag)
    if vr == "SQ" and encoding.little:
        return _sequence(element)
    if element.items is not None or element.encapsulated:
        return element
    size = number_size(vr)
    fits = vr in _AS_TEXT or (encoding.little and size and len(element.value) % size == 0)
    return Element(element.tag, vr, element.value) if fits else element


def _sequence(element: Element) -> Element:
    if element.items is not None:
        return Element(element.tag, "SQ", items=element.items)
    try:
        return Element(element.tag, "SQ", items=read_items(bytes(element.value), _INSIDE))
    except Unreadable:
        return element
