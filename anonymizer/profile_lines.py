"""The table ``[attributes]`` of a profile file: an attribute on the left, what becomes of it on the right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from pydicom.datadict import keyword_dict, tag_for_keyword

from anonymizer.errors import ProfileFault
from anonymizer.lines import Line, PrivateLine, Treatment

__all__ = ["attribute_line", "nearest"]

_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}), ?([0-9A-Fa-f]{4})\)?")
# The block (xx) is reserved anew in every object, so only the last two digits say which attribute it is.
_PRIVATE: Final = re.compile(r"\(?([0-9A-Fa-f]{4}), ?(?:[xX]{2}|[0-9A-Fa-f]{2})([0-9A-Fa-f]{2})\)?,(.+)")
_REPEATING: Final = re.compile(r"\(?[56]0[xX]{2},.*")
_REMOVED: Final = ""


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest of the known words, or all where none is near."""
    words = list(known)
    near = get_close_matches(word, words, n=1)
    return f"Do you mean {near[0]}?" if near else f"Known are {', '.join(words)}."


def attribute_line(key: str, value: object) -> Line | PrivateLine | ProfileFault:
    """One line of the table, or what is wrong with it."""
    path = f'attributes."{key}"'
    if private := _PRIVATE.fullmatch(key):
        group, element, creator = private.groups()
        vr = _private_vr(value)
        if vr is None:
            text = "for a private attribute, say what its values are, or remove"
            return ProfileFault("private", path, text, 'Write { keep = "IS" } with its VR, or "remove".')
        return PrivateLine(creator, int(group, 16), int(element, 16), vr)
    if _REPEATING.fullmatch(key):
        text = "curves and overlays are drawings that nobody here can read, and always go"
        return ProfileFault("never_kept", path, text, "Take the line out.")
    tag = _tag(key)
    if tag is None:
        return ProfileFault("unknown_keyword", path, "no attribute", _look_up(key))
    if not isinstance(value, str):
        return ProfileFault("wrong_type", path, "a word is needed", nearest("", Treatment))
    try:
        return Line(tag, Treatment(value))
    except ValueError:
        return ProfileFault(
            "unknown_word", path, f"{value!r} is nothing that can be done", nearest(value, Treatment)
        )


def _tag(key: str) -> int | None:
    if match := _TAG.fullmatch(key):
        return int(match[1] + match[2], 16)
    tag = tag_for_keyword(key)
    return None if tag is None else int(tag)


def _private_vr(value: object) -> str | None:
    """The VR of a private attribute that is kept, an empty text for one that is not, None for neither."""
    if value == Treatment.REMOVE:
        return _REMOVED
    if isinstance(value, dict) and value.keys() == {Treatment.KEEP.value}:
        vr = value[Treatment.KEEP.value]
        return vr if isinstance(vr, str) and vr else None
    return None


def _look_up(key: str) -> str:
    near = get_close_matches(key, keyword_dict, n=1)
    return f"Do you mean {near[0]}?" if near else 'Write a keyword of PS3.6, or its tag as "0008,0080".'
