"""The second look: nothing that the object said about its people may stand in what comes out.

It reads the finished attributes, not the rules, so that a wrong rule is caught too. What counts and what does
not:

- words of names of at least three letters, identifiers with a digit of at least five characters (PatientID:
  four), as whole words or glued to digits only, whatever their case and accents; UIDs as a whole;
- not the imaging terms of `vocabulary`: BodyPartExamined = BRAIN is no leak of Mr Brain;
- in numbers (DS, IS) only a value that as a whole is an identifier of at least six digits;
- in binary values only words of at least six letters;
- not dates and times, which hold nothing else by construction, nor the attributes written by this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from anonymizer.errors import ResidualIdentity
from anonymizer.identity import Identity
from anonymizer.text import FIRST_CJK, TEXT_VRS, Charsets, charsets_of, decode, fold, words
from anonymizer.wire import Element, tag_path

__all__ = ["Residual", "may_have_uids", "uids_in", "uids_of"]

_SHORTEST_IN_NUMBERS = 6
_LAST_LATIN = "\xff"
_SHORTEST_IN_BINARY = 6
_BY_CONSTRUCTION = frozenset({"DA", "DT", "TM", "AS", "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_LETTERS = re.compile(r"[^\W\d_]+")
# From the first digit of a number on only, or a long number would be searched once for each of its digits.
_UID = re.compile(r"(?<!\d)\d++(?:\.\d++){3,}")


@dataclass(frozen=True, slots=True, repr=False)
class Residual:
    """Looks for one identity.

    Attributes
    ----------
    secrets
        Words that must not be left.
    compounds
        Those among them that are no single word (``12-345/6``) or of a script without spaces.
    numbers
        Those among them that are long enough to be looked for in numbers, encoded.
    """

    secrets: frozenset[str]
    compounds: tuple[str, ...]
    uids: frozenset[str]
    numbers: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Know what could stand in a number."""
        numbers = frozenset(
            s.encode("latin-1")
            for s in self.secrets
            if len(s) >= _SHORTEST_IN_NUMBERS and max(s) <= _LAST_LATIN
        )
        object.__setattr__(self, "numbers", numbers)

    @classmethod
    def of(cls, identity: Identity, kept_uids: Set[str] = frozenset()) -> Residual:
        """The search for an identity, UIDs aside that the profile retained."""
        compounds = tuple(sorted(s for s in identity.secrets if not s.isalnum() or max(s) >= FIRST_CJK))
        return cls(frozenset(identity.secrets), compounds, frozenset(identity.uids - kept_uids))

    def check(self, elements: Iterable[Element], charsets: Charsets, own: Set[int], path: str = "") -> None:
        """Raise `ResidualIdentity` at the first attribute, outside `own`, that still identifies."""
        for element in elements:
            if element.tag in own or not isinstance(element.value, bytes):
                continue
            if element.items is not None:
                for number, item in enumerate(element.items):
                    below = f"{tag_path(element.tag, path)}[{number}]"
                    self.check(item, charsets_of(item, charsets, below), frozenset(), below)
            elif element.value and self.identifies(element, charsets):
                raise ResidualIdentity(
                    "residual_identity",
                    "An identifier of the patient or of staff is left",
                    "Add the attribute to the profile's remove or cleaned list.",
                    tag_path(element.tag, path),
                )

    def identifies(self, element: Element, charsets: Charsets) -> bool:
        """Whether the value of an element, which is no sequence, has something of the identity."""
        vr, raw = element.vr, bytes(element.value)
        if vr in _BY_CONSTRUCTION:
            return False
        if vr == "UI":
            return self.in_uids(raw)
        if vr in ("DS", "IS"):
            return self.in_numbers(raw)
        if vr in TEXT_VRS:
            return self._in_text(fold(decode(raw, charsets)))
        lowered = raw.lower()
        return any(s.encode() in lowered for s in self.secrets if len(s) >= _SHORTEST_IN_BINARY)

    def in_uids(self, value: bytes) -> bool:
        """As `identifies`, for a value of VR UI."""
        return any(uid in self.uids or not self.secrets.isdisjoint(uid.split(".")) for uid in uids_of(value))

    def in_numbers(self, value: bytes) -> bool:
        """As `identifies`, for a value of VR DS or IS."""
        if len(value) < _SHORTEST_IN_NUMBERS:
            return False
        return not self.numbers.isdisjoint([part.strip(b" \0") for part in value.split(b"\\")])

    def _in_text(self, text: str) -> bool:
        if not self.secrets.isdisjoint(words(text)) or not self.secrets.isdisjoint(_LETTERS.findall(text)):
            return True
        if any(compound in text for compound in self.compounds):
            return True
        return "." in text and not self.uids.isdisjoint(_UID.findall(text))


def uids_in(elements: Iterable[Element], charsets: Charsets) -> frozenset[str]:
    """UIDs that can be read in elements, at any depth, as UIDs or within text."""
    return frozenset(_read_uids(elements, charsets))


def may_have_uids(element: Element) -> bool:
    """Whether `uids_in` would find any in an element that is no sequence; yes, if it is not certain."""
    return element.vr == "UI" or (element.vr in TEXT_VRS and b"." in bytes(element.value))


def _read_uids(elements: Iterable[Element], charsets: Charsets) -> Iterator[str]:
    for element in elements:
        for item in element.items or ():
            yield from _read_uids(item, charsets_of(item, charsets))
        if element.vr == "UI":
            yield from uids_of(bytes(element.value))
        elif may_have_uids(element):
            yield from _UID.findall(fold(decode(element.value, charsets)))


def uids_of(value: bytes) -> list[str]:
    """The UIDs of a value of VR UI."""
    return value.decode("latin-1").replace("\0", "").split("\\")
