"""The walk over a data set that applies the plan, at any depth of sequences."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from anonymizer.clean import Cleaner
from anonymizer.dates import capped_age, checked_time, shifted
from anonymizer.identity import is_standard_uid
from anonymizer.key import ProjectKey
from anonymizer.plan import Action, Plan
from anonymizer.table import vr_of
from anonymizer.text import Charsets, charsets_of, decode, encode
from anonymizer.vocabulary import DUMMY_TEXT
from anonymizer.wire import Element, tag_path

__all__ = ["Engine", "Person"]

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
_BYTES_PER_NUMBER: Final = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


@dataclass(frozen=True, slots=True)
class Person:
    """Who an object belongs to in research.

    Attributes
    ----------
    pseudonym
        Takes the place of PatientID and PatientName.
    study_id
        Takes the place of StudyID.
    shift_days
        Added to every date.
    """

    pseudonym: str
    study_id: str
    shift_days: int


@dataclass(slots=True)
class Engine:
    """Applies a plan to one object; thrown away with it."""

    plan: Plan
    key: ProjectKey
    person: Person
    cleaner: Cleaner
    counts: Counter[Action] = field(default_factory=Counter)
    removed: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    _uids: dict[str, str] = field(default_factory=dict)

    def apply(
        self, elements: tuple[Element, ...], charsets: Charsets, path: str = "", *, dummy: bool = False
    ) -> list[Element]:
        """The elements that remain of a data set or an item.

        With `dummy`, everything that would be kept is replaced by a dummy: the item stands in a sequence that
        the table wants replaced, and only its shape may remain.
        """
        result = []
        for element in elements:
            rule = self.plan.rule(element.tag)
            action = rule.action
            if dummy and action in (Action.KEEP, Action.CLEAN, Action.AGE):
                action = Action.DUMMY
            done = self._do(action, element, charsets, path)
            if done is None and action is not Action.REMOVE:
                action = rule.otherwise
                done = self._do(action, element, charsets, path)
            if done is None:
                action = Action.REMOVE
                self.removed.append(tag_path(element.tag, path))
            else:
                result.append(done)
            self.counts[action] += 1
        return result

    def _do(self, action: Action, element: Element, charsets: Charsets, path: str) -> Element | None:
        """The element after `action`, or None where it must go or the action does not fit its value."""
        match action:
            case Action.KEEP:
                return self._kept(element, charsets, path)
            case Action.REMOVE:
                return None
            case Action.UID:
                return self._with(element, self._mapped(element))
            case Action.EMPTY:
                return _emptied(element)
            case Action.DUMMY:
                return self._dummied(element, charsets, path)
            case Action.PSEUDONYM:
                return self._with(element, self.person.pseudonym.encode())
            case Action.STUDY_ID:
                return self._with(element, self.person.study_id.encode())
            case Action.CLEAN:
                return self._cleaned(element, charsets, path)
            case Action.SHIFT:
                return self._with(element, shifted(bytes(element.value), self.person.shift_days))
            case Action.TIME:
                return self._with(element, checked_time(bytes(element.value)))
            case Action.AGE:
                return self._with(element, capped_age(bytes(element.value)))

    def _kept(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        vr, known = element.vr, vr_of(element.tag)
        if element.items is not None:
            return (
                self._sequence(element, charsets, path, dummy=False) if known == "SQ" and vr == "SQ" else None
            )
        # A kept value must be what the dictionary says it is: a name written as a number's neighbour is none.
        if not _same_family(vr, known):
            return None
        if _FAMILIES.get(vr) == "decimal" and not _DECIMALS.fullmatch(element.value):
            return None
        return element

    def _sequence(self, element: Element, charsets: Charsets, path: str, *, dummy: bool) -> Element:
        items = []
        for number, item in enumerate(element.items or ()):
            below = f"{tag_path(element.tag, path)}[{number}]"
            inner = charsets_of(item, charsets, below)
            items.append(tuple(self.apply(item, inner, below, dummy=dummy)))
        return Element(element.tag, "SQ", items=tuple(items))

    def _dummied(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        if element.items is not None:
            return self._sequence(element, charsets, path, dummy=True) if element.vr == "SQ" else None
        vr = vr_of(element.tag).split(" or ")[0] or element.vr
        if vr == "SQ":
            return None
        if vr == "UI":
            return self._with(element, self._mapped(element))
        number = bytes(_BYTES_PER_NUMBER.get(vr, 0))
        value = _DUMMIES.get(vr) or number or (b"\0" * 8 if vr[0] == "O" else DUMMY_TEXT.encode())
        return self._with(element, value)

    def _cleaned(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        if element.items is not None:
            return None
        text = decode(element.value, charsets)
        clean = self.cleaner.clean(text.strip(" \0"))
        if clean == text.strip(" \0"):
            return self._with(element, bytes(element.value))
        self.cleaned.append(tag_path(element.tag, path))
        return self._with(element, encode(clean, charsets)) if clean else None

    def _mapped(self, element: Element) -> bytes:
        uids = bytes(element.value).decode("latin-1").split("\\")
        return b"\\".join(self.uid(uid.strip(" \0")).encode() for uid in uids)

    def uid(self, old: str) -> str:
        """The research UID for a UID; the standard's own stay as they are."""
        if not old or is_standard_uid(old):
            return old
        new = self._uids.get(old)
        if new is None:
            new = self._uids[old] = self.key.uid(old)
        return new

    def _with(self, element: Element, value: bytes | None) -> Element | None:
        """The element with a new value, in the VR that the dictionary gives it, padded to an even length."""
        if value is None or element.items is not None:
            return None
        vr = vr_of(element.tag).split(" or ")[0] or element.vr
        padding = b"\0" if vr in ("UI", "OB", "UN") else b" "
        return Element(element.tag, vr, value + padding * (len(value) % 2))


def _emptied(element: Element) -> Element:
    vr = vr_of(element.tag).split(" or ")[0] or element.vr
    return Element(element.tag, vr, items=() if vr == "SQ" else None)


@lru_cache(maxsize=1024)
def _same_family(vr: str, known: str) -> bool:
    """Whether a VR is of the kind that the dictionary has; ``known`` may be a choice, ``US or SS``."""
    families = {_FAMILIES.get(one, one) for one in known.split(" or ")}
    return vr != "UN" and not families.isdisjoint(_FAMILIES.get(one, one) for one in vr.split(" or "))
