"""The walk over a data set that applies the plan, at any depth of sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anonymizer.clean import Cleaner
from anonymizer.dates import ZONE, capped_age, checked_date, checked_time, shifted
from anonymizer.identity import is_standard_uid, is_uid
from anonymizer.key import ProjectKey
from anonymizer.options import Option
from anonymizer.plan import Action, Plan, Rule
from anonymizer.private import kept_private
from anonymizer.structured import refers_by_position
from anonymizer.table import vr_of
from anonymizer.text import TEXT_VRS, Charsets, charsets_of, decode, encode
from anonymizer.values import dummy_value, is_decimal, is_number_text, same_family
from anonymizer.wire import Element, tag_path

__all__ = ["Engine", "Person", "Tally"]

_MOST_UIDS = 4096
_KEEPING = frozenset({Action.KEEP, Action.CLEAN, Action.AGE, Action.CONTENT})


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
class Tally:
    """What an engine did: numbers of elements, paths of those removed and cleaned, UIDs that stayed as they were."""

    counts: Counter[Action] = field(default_factory=Counter)
    removed: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    kept_uids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Engine:
    """Applies a plan to the elements of one person, and counts in `tally` what it did."""

    plan: Plan
    key: ProjectKey
    person: Person
    cleaner: Cleaner
    tally: Tally = field(default_factory=Tally)
    _uids: dict[str, str] = field(default_factory=dict)
    _in_place: bool = False

    def treat(self, elements: tuple[Element, ...], charsets: Charsets) -> list[Element]:
        """The elements that remain of a whole object."""
        self._in_place = self.plan.content is not None and refers_by_position(elements)
        return self.apply(elements, charsets)

    def apply(
        self,
        elements: tuple[Element, ...],
        charsets: Charsets,
        path: str = "",
        *,
        parent: int = 0,
        dummy: bool = False,
        instead: Mapping[int, Rule] | None = None,
    ) -> list[Element]:
        """The elements that remain of a data set, or of an item of the sequence `parent`.

        With `dummy`, everything that would be kept is replaced by a dummy: the item stands in a sequence that
        the table wants replaced, and only its shape may remain. Rules of `instead` go before the plan's.
        """
        result = []
        retain = self.plan.profile.has(Option.RETAIN_SAFE_PRIVATE) and not dummy
        private = kept_private(elements, charsets, self.cleaner, self.plan.profile.private) if retain else {}
        for element in elements:
            rule = (instead and instead.get(element.tag)) or self.plan.rule(element.tag, parent)
            action, done = self.treat_one(element, charsets, rule, path, dummy=dummy)
            if rule.action is Action.PRIVATE and element.tag in private:
                action, done = Action.PRIVATE, private[element.tag]
            if done is None:
                self.tally.removed.append(tag_path(element.tag, path))
            else:
                result.append(done)
            self.tally.counts[action] += 1
        return result

    def treat_one(
        self, element: Element, charsets: Charsets, rule: Rule, path: str = "", *, dummy: bool = False
    ) -> tuple[Action, Element | None]:
        """What a rule makes of an element, None if nothing; and by which action. What it is itself is not counted."""
        action = rule.action
        if dummy and action in _KEEPING:
            action = Action.DUMMY
        done = self._do(action, element, charsets, path)
        if done is None and action is not Action.REMOVE:
            action = rule.otherwise
            done = self._do(action, element, charsets, path)
        return (Action.REMOVE, None) if done is None else (action, done)

    def _do(self, action: Action, element: Element, charsets: Charsets, path: str) -> Element | None:
        """The element after `action`, or None where it must go or the action does not fit its value."""
        match action:
            case Action.KEEP:
                return self._kept(element, charsets, path)
            case Action.REMOVE | Action.PRIVATE:
                return None
            case Action.UID_KEPT:
                return self._kept_uid(element)
            case Action.UID:
                return self._with(element, self.mapped(bytes(element.value)))
            case Action.EMPTY:
                return _emptied(element)
            case Action.DUMMY:
                return self._dummied(element, charsets, path)
            case Action.PSEUDONYM:
                return self._with(element, self.person.pseudonym.encode())
            case Action.ACCESSION:
                return self._accession(element, charsets)
            case Action.STUDY_ID:
                return self._with(element, self.person.study_id.encode())
            case Action.CLEAN:
                return self._cleaned(element, charsets, path)
            case Action.CONTENT:
                return self._content(element, charsets, path)
            case Action.ZONE:
                return self._with(element, ZONE.fullmatch(bytes(element.value)) and bytes(element.value))
            case Action.DATE:
                return self._with(element, checked_date(bytes(element.value)))
            case Action.SHIFT:
                return self._with(element, shifted(bytes(element.value), self.person.shift_days))
            case Action.TIME:
                return self._with(element, checked_time(bytes(element.value)))
            case Action.AGE:
                return self._with(element, capped_age(bytes(element.value)))

    def _kept(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        # A row newer than the dictionary has no VR there; the element's own says what it is.
        vr, known = element.vr, vr_of(element.tag) or element.vr
        if element.items is not None:
            return (
                self._sequence(element, charsets, path, dummy=False) if known == "SQ" and vr == "SQ" else None
            )
        # A kept value must be what the dictionary says it is: a name written as a number's neighbour is none.
        if not same_family(vr, known):
            return None
        if is_decimal(vr) and not is_number_text(bytes(element.value)):
            return None
        return element

    def _kept_uid(self, element: Element) -> Element | None:
        uids = [uid.strip(" \0") for uid in bytes(element.value).decode("latin-1").split("\\")]
        if element.items is not None or not all(not uid or is_uid(uid) for uid in uids):
            return None
        self.tally.kept_uids.update(uids)
        return self._with(element, bytes(element.value))

    def _accession(self, element: Element, charsets: Charsets) -> Element | None:
        old = "" if element.items is not None else decode(element.value, charsets).strip(" \0")
        return self._with(element, self.key.accession_number(old).encode() if old else b"")

    def _content(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        """A sequence of content items without those that must go; None if none is left."""
        content = self.plan.content
        if content is None or element.items is None or element.vr != "SQ":
            return None
        items = []
        for number, item in enumerate(element.items):
            below = f"{tag_path(element.tag, path)}[{number}]"
            inner = charsets_of(item, charsets, below)
            rules = content.of_item(item, inner, in_place=self._in_place)
            if rules is None:
                self.tally.removed.append(below)
                self.tally.counts[Action.REMOVE] += 1
                continue
            items.append(tuple(self.apply(item, inner, below, parent=element.tag, instead=rules)))
        return Element(element.tag, "SQ", items=tuple(items)) if items or not element.items else None

    def _sequence(self, element: Element, charsets: Charsets, path: str, *, dummy: bool) -> Element:
        items = []
        for number, item in enumerate(element.items or ()):
            below = f"{tag_path(element.tag, path)}[{number}]"
            inner = charsets_of(item, charsets, below)
            items.append(tuple(self.apply(item, inner, below, parent=element.tag, dummy=dummy)))
        return Element(element.tag, "SQ", items=tuple(items))

    def _dummied(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        if element.items is not None:
            return self._sequence(element, charsets, path, dummy=True) if element.vr == "SQ" else None
        if not element.value:
            return _emptied(element)  # it said nothing, and need not begin to
        vr = vr_of(element.tag).split(" or ")[0] or element.vr
        if vr == "SQ":
            return None
        if vr == "UI":
            return self._with(element, self.mapped(bytes(element.value)))
        return self._with(element, dummy_value(element.tag, vr))

    def _cleaned(self, element: Element, charsets: Charsets, path: str) -> Element | None:
        if element.items is not None or (vr_of(element.tag) or element.vr) not in TEXT_VRS:
            return None
        text = decode(element.value, charsets)
        clean = self.cleaner.clean(text.strip(" \0"))
        if clean == text.strip(" \0"):
            return self._with(element, bytes(element.value))
        self.tally.cleaned.append(tag_path(element.tag, path))
        return self._with(element, encode(clean, charsets)) if clean else None

    def mapped(self, value: bytes) -> bytes:
        """The research UIDs for those of a value of VR UI, not padded; the standard's own stay as they are."""
        uids = value.decode("latin-1").split("\\")
        return "\\".join([self._new_uid(uid.strip(" \0")) for uid in uids]).encode()

    def uid(self, old: str) -> str:
        """The research UID for a UID of the object's own: a new one, or the old one where UIDs are retained."""
        return old if self.plan.profile.has(Option.RETAIN_UIDS) else self._new_uid(old)

    def _new_uid(self, old: str) -> str:
        if not old or is_standard_uid(old):
            return old
        new = self._uids.get(old)
        if new is None:
            if len(self._uids) >= _MOST_UIDS:  # of a long series each instance has its own
                self._uids.clear()
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
