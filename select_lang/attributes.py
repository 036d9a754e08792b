"""Which attributes there are, and what kind of value each holds.

Names and value representations come from the data dictionary (PS3.6); three pseudo-attributes, which no DICOM object
carries, come from the archive.
"""

from __future__ import annotations

import difflib
import re
from enum import StrEnum
from functools import lru_cache

from select_lang.dictionary import keyword_of, keywords, vr_of

__all__ = ["Kind", "UnknownAttribute", "canonical", "kind_of"]


class Kind(StrEnum):
    """How the values of an attribute compare; the text is what a message calls them."""

    TEXT = "text"
    LIST = "a list of types"
    NUMBER = "a number"
    DATE = "a date"
    TIME = "a time"
    DATETIME = "a date with time"
    AGE = "an age"


# PS3.5 Table 6.2-1.
_KINDS = {
    Kind.TEXT: ["AE", "AT", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"],
    Kind.NUMBER: [*["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"], "US or SS"],
    Kind.DATE: ["DA"],
    Kind.TIME: ["TM"],
    Kind.DATETIME: ["DT"],
    Kind.AGE: ["AS"],
}
_KIND_OF_VR = {vr: kind for kind, vrs in _KINDS.items() for vr in vrs}
_PSEUDO = {"ClassifyTypes": Kind.LIST, "NumImages": Kind.NUMBER, "Path": Kind.TEXT}
_ALIASES = {"ClassifyType": "ClassifyTypes"}
_TAG = re.compile(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)")


class UnknownAttribute(LookupError):
    """There is no such attribute, or it holds nothing that a rule can look at; `advice` may say what to write."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.advice = advice


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """The one name under which a catalogue knows an attribute.

    Parameters
    ----------
    name
        A keyword of PS3.6 (``SliceThickness``), a tag (``(0018,0050)``, upper case), or a pseudo-attribute.

    Raises
    ------
    UnknownAttribute
        No such attribute, or a sequence, or binary data.
    """
    keyword = _keyword(name)
    if keyword in _PSEUDO:
        return keyword
    vr = vr_of(keyword)
    if vr not in _KIND_OF_VR:
        what = "a sequence" if vr == "SQ" else "binary data"
        raise UnknownAttribute(f"{keyword} holds {what} ({vr}), which a rule cannot look into")
    return keyword


def _keyword(name: str) -> str:
    name = _ALIASES.get(name, name)
    if name in _PSEUDO:
        return name
    if tag := _TAG.fullmatch(name):
        number = int(tag[1] + tag[2], 16)
        if keyword := keyword_of(number):
            return keyword
        advice = "Private attributes are taken out at the gate." if int(tag[1], 16) % 2 else None
        raise UnknownAttribute(f"{name} is not in the DICOM dictionary (PS3.6)", advice)
    if name not in keywords():
        raise UnknownAttribute(f"{name!r} is no DICOM attribute", _near(name))
    return name


def _near(name: str) -> str | None:
    known = {keyword.casefold(): keyword for keyword in _all_names()}
    if same := known.get(name.casefold()):
        return f"Did you mean {same}? Attribute names keep their capitals."
    # A word may have been left out: SeriesDesc, age.
    begun = [
        one.casefold() for one in _all_names() if len(name) > 3 and one.casefold().startswith(name.casefold())
    ]
    ended = [one.casefold() for one in _all_names() if one.endswith(name[:1].upper() + name[1:])]
    near = difflib.get_close_matches(name.casefold(), known, n=2, cutoff=0.75)
    near = (sorted(begun, key=len) or near or sorted(ended, key=len))[:2]
    return f"Did you mean {' or '.join(known[one] for one in near)}?" if near else None


def _all_names() -> list[str]:
    return [*_PSEUDO, *_ALIASES, *keywords()]


@lru_cache(maxsize=4096)
def kind_of(keyword: str) -> Kind:
    """The kind of a canonical attribute."""
    return _PSEUDO.get(keyword) or _KIND_OF_VR[vr_of(keyword)]
