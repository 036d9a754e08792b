"""The second look: nothing that the object said about its people may stand in what comes out.

It reads the finished attributes, not the rules, so that a wrong rule is caught too. What counts and what does
not:

- words of names of at least three letters, identifiers with a digit of at least five characters (PatientID:
  four), as whole words, whatever their case and accents; UIDs as a whole;
- not the imaging terms of `vocabulary`: BodyPartExamined = BRAIN is no leak of Mr Brain;
- in numbers (DS, IS) only a value that as a whole is an identifier of at least six digits;
- in binary values only words of at least six letters;
- not dates and times, which hold nothing else by construction, nor the attributes written by this package.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ResidualIdentity
from .identity import Identity
from .text import TEXT_VRS, Charsets, charsets_of, decode, fold, words
from .wire import Element, tag_path

__all__ = ["check_residual"]

_SHORTEST_IN_NUMBERS = 6
_SHORTEST_IN_BINARY = 6
_BY_CONSTRUCTION = frozenset({"DA", "DT", "TM", "AS", "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})


def check_residual(
    elements: Iterable[Element], identity: Identity, charsets: Charsets, own: frozenset[int], path: str = ""
) -> None:
    """Raise `ResidualIdentity` at the first attribute, outside the tags in `own`, that still identifies."""
    for element in elements:
        if element.tag in own or isinstance(element.value, memoryview):
            continue
        if element.items is not None:
            for number, item in enumerate(element.items):
                below = f"{tag_path(element.tag, path)}[{number}]"
                check_residual(item, identity, charsets_of(item, charsets, below), frozenset(), below)
        elif element.value and _identifies(element, identity, charsets):
            raise ResidualIdentity(
                "residual_identity",
                "An identifier of the patient or of staff is left",
                "Add the attribute to the profile's remove or cleaned list.",
                tag_path(element.tag, path),
            )


def _identifies(element: Element, identity: Identity, charsets: Charsets) -> bool:
    vr, raw = element.vr, bytes(element.value)
    if vr in _BY_CONSTRUCTION:
        return False
    if vr == "UI":
        return any(uid.decode("latin-1").strip(" \0") in identity.uids for uid in raw.split(b"\\"))
    if vr in ("DS", "IS"):
        numbers = (part.strip(b" \0").decode("latin-1") for part in raw.split(b"\\"))
        return any(n in identity.secrets for n in numbers if len(n) >= _SHORTEST_IN_NUMBERS)
    if vr in TEXT_VRS:
        return _in_text(decode(raw, charsets), identity)
    lowered = raw.lower()
    return any(s.encode() in lowered for s in identity.secrets if len(s) >= _SHORTEST_IN_BINARY)


def _in_text(text: str, identity: Identity) -> bool:
    folded = fold(text)
    if not identity.secrets.isdisjoint(words(folded)) or not identity.secrets.isdisjoint(folded.split()):
        return True
    return any(uid in folded for uid in identity.uids) if "." in folded else False
