"""What an object says about who is in it: gathered from every attribute, at any depth, before anything is
removed.

It is used twice, by the cleaning of descriptors and by the residual check, and thrown away with the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from anonymizer.errors import Unreadable
from anonymizer.table import vr_of
from anonymizer.text import FIRST_CJK, Charsets, charsets_of, decode, fold, spellings, words
from anonymizer.vocabulary import (
    DEVICE_TAGS,
    IDENTIFIER_TAGS,
    IMAGING_TERMS,
    OWN_WORDS,
    PATIENT_ID_TAGS,
    PLACE_TAGS,
    TITLES,
)
from anonymizer.wire import ITEM_TAGS, Element, Encoding, Items, read_items

__all__ = [
    "Identity",
    "harvest",
    "is_silent",
    "is_standard_uid",
    "is_uid",
    "own_uids",
    "own_uids_of",
    "speaks",
]

_BIRTH_DATE = 0x00100030
_HEARD = IDENTIFIER_TAGS | PLACE_TAGS | {_BIRTH_DATE}
# SOP class, patient and issuer, study; character set; image type and burned-in annotation.
_DECISIVE = frozenset({0x00080016, 0x00100020, 0x00100021, 0x0020000D, 0x00080005, 0x00080008, 0x00280301})
_UID = re.compile(r"[0-9.]{1,64}")
_FIGURES = re.compile(r"\d+")
_ENCODINGS = (
    Encoding(implicit=False, little=True),
    Encoding(implicit=True, little=True),
    Encoding(implicit=False, little=False),
)
_SHORTEST_ID = 5
_SHORTEST_PATIENT_ID = 4


def is_uid(text: str) -> bool:
    """Whether `text` could be a UID (PS3.5 9.1), leading zeros in components forgiven."""
    return _UID.fullmatch(text) is not None


def is_standard_uid(text: str) -> bool:
    """Whether the standard itself defined this UID: a SOP class, a transfer syntax, a well-known frame."""
    return text.startswith("1.2.840.10008.") and is_uid(text)


@dataclass(slots=True)
class Identity:
    """Folded words and numbers that identify; never shown.

    Attributes
    ----------
    patient, people
        Words of the patient's names and of everybody else's, at least two letters.
    places
        Words of institutions, departments, addresses.
    numbers
        Identifiers as a whole, and their parts that have a digit.
    secrets
        The subset of names and numbers that the residual check looks for as whole words.
    uids
        UIDs that the standard did not define.
    """

    patient: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return "Identity(<not shown>)"


def harvest(elements: tuple[Element, ...], charsets: Charsets) -> Identity:
    """Gather the identity of a data set whose character sets are `charsets`."""
    identity = Identity()
    _visit(elements, charsets, identity)
    ordinary = IMAGING_TERMS | OWN_WORDS
    identity.secrets |= {w for w in identity.patient | identity.people if len(w) >= 3 or max(w) >= FIRST_CJK}
    identity.secrets -= ordinary
    identity.people -= IMAGING_TERMS
    identity.places -= IMAGING_TERMS
    identity.numbers -= IMAGING_TERMS
    return identity


def _visit(elements: tuple[Element, ...], charsets: Charsets, identity: Identity) -> None:
    for element in elements:
        items = _items(element)
        if items is not None:
            for item in items:
                _visit(item, charsets_of(item, charsets), identity)
        elif element.value:
            _gather(element, charsets, identity)


def _items(element: Element) -> Items | None:
    """The items of a sequence, also of a private one that was read as a value; None for anything else."""
    value = element.value
    if element.items is not None or element.vr not in ("SQ", "UN") or not isinstance(value, bytes):
        return element.items
    if value[:4] in ITEM_TAGS:
        for encoding in _ENCODINGS:
            with suppress(Unreadable):  # it need not make sense
                return read_items(value, encoding)
    return None


def _gather(element: Element, charsets: Charsets, identity: Identity) -> None:
    tag = element.tag
    vr = element.vr if element.vr != "UN" else vr_of(tag)
    if vr == "UI":
        identity.uids |= own_uids_of(bytes(element.value))
    elif vr == "PN" or vr_of(tag) == "PN":  # whatever else the sender calls it
        names = identity.patient if tag >> 16 == 0x0010 else identity.people
        names.update(_person(decode(element.value, charsets)))
    elif tag in IDENTIFIER_TAGS or tag in PLACE_TAGS:
        _identifier(tag, decode(element.value, charsets), identity)
    elif tag == _BIRTH_DATE:
        date = decode(element.value, charsets).strip(" \0").replace(".", "")
        identity.numbers.update(part for part in (date, date[:4]) if len(part) >= 4)


def own_uids(element: Element) -> frozenset[str]:
    """The UIDs in an element, at any depth, that the standard did not define."""
    items = _items(element)
    if items is not None:
        return frozenset(uid for item in items for one in item for uid in own_uids(one))
    return own_uids_of(bytes(element.value)) if element.vr == "UI" else frozenset()


def own_uids_of(value: bytes) -> frozenset[str]:
    """The UIDs in a value of VR UI that the standard did not define."""
    uids = [uid.strip(" \0") for uid in value.decode("latin-1").split("\\")]
    return frozenset([uid for uid in uids if len(uid) > 8 and not is_standard_uid(uid)])


@lru_cache(16384)
def is_silent(tag: int) -> bool:
    """Whether nothing that stands under a tag speaks, if it is no sequence and no UID."""
    is_overlay_depth = tag >> 24 == 0x60 and tag & 0xFFFF == 0x0100
    return not (tag in _DECISIVE or tag in _HEARD or is_overlay_depth or vr_of(tag) == "PN")


def speaks(element: Element) -> bool:
    """Whether other elements are treated by what this one, or one below it, says.

    Everything that `harvest` takes but UIDs, who the object is of, its character set, and whether its pixels may have
    text. It may say yes for an element that says nothing after all, never no for one that does.
    """
    items = _items(element)
    if items is not None:
        return any(speaks(one) for item in items for one in item)
    return element.vr == "PN" or not is_silent(element.tag)


def _person(text: str) -> Iterator[str]:
    """Words of a name, and those of one component written as one: ``vondertann``."""
    yield from _names(text)
    for component in re.split(r"[\^=\\]", text):
        parts = list(words(component))
        if len(parts) > 1:
            yield from spellings("".join(parts))


def _names(text: str) -> Iterator[str]:
    for word in words(text.replace("\0", " ")):
        for spelling in spellings(word):
            if sum(c.isalpha() for c in spelling) >= 2 and spelling not in TITLES:
                yield spelling


def _identifier(tag: int, text: str, identity: Identity) -> None:
    if tag in PLACE_TAGS:
        identity.places.update(_names(text))
    if tag not in IDENTIFIER_TAGS:
        return
    shortest = _SHORTEST_PATIENT_ID if tag in PATIENT_ID_TAGS else _SHORTEST_ID
    for value in (fold(v.strip(" \0")) for v in text.split("\\")):
        parts = list(words(value))
        if tag in PATIENT_ID_TAGS:
            identity.patient.update(part for part in parts if part.isalpha() and len(part) >= 3)
        candidates = {value, "".join(parts), *parts}
        with_digit = {c for c in candidates if any(d.isdigit() for d in c)}
        identity.numbers.update(c for c in with_digit if len(c) >= 3)
        # Without its letters and leading zeros it is still the same number.
        figures = (run.lstrip("0") for run in _FIGURES.findall(value))
        identity.numbers.update(run for run in figures if len(run) >= _SHORTEST_PATIENT_ID)
        if tag not in DEVICE_TAGS:
            identity.secrets.update(c for c in with_digit if len(c) >= shortest)
