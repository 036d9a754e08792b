"""Clean Structured Content (PS3.15 E.3.4): content items of reports, by concept name and value type.

Table E.3.4-1 names the concepts that identify. What it does not name is treated by its value type: numbers, codes,
coordinates and containers stay, references and UIDs stay under research UIDs, dates follow the option of dates, names
of persons go, and text becomes a dummy, or is cleaned where Clean Descriptors is on too.

An item that goes takes its children with it. Where items refer to others by position (PS3.3 C.17.3.2.5), none may go,
or the positions would mean others: those that should are emptied of what they say instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from anonymizer.actions import Action, Rule
from anonymizer.options import Option
from anonymizer.table import ContentRow, content_rows
from anonymizer.text import Charsets, decode
from anonymizer.wire import Element

__all__ = ["ContentPlan", "ItemRule", "refers_by_position"]

_VALUE_TYPE, _CONCEPT_NAME, _TARGET = 0x0040A040, 0x0040A043, 0x0040DB73
_CODE_VALUES: Final = (0x00080100, 0x00080119, 0x00080120)
_SCHEME: Final = 0x00080102
_REFERENCES: Final = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})
_DATES: Final = frozenset({"DATE", "DATETIME", "TIME"})
# Their values are numbers, codes and coordinates, and sequences that the plan goes through like any other.
_PLAIN: Final = (
    frozenset({"CODE", "CONTAINER", "NUM", "NUMERIC", "SCOORD", "SCOORD3D", "TCOORD"}) | _REFERENCES
)
# The attribute that holds the value (PS3.3 C.17.3.2.1; 10.2 for TEXT to CODE in other macros).
_VALUES: Final = {
    "TEXT": 0x0040A160,
    "DATETIME": 0x0040A120,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "PNAME": 0x0040A123,
    "UIDREF": 0x0040A124,
    "CODE": 0x0040A168,
    "NUM": 0x0040A300,
    **dict.fromkeys(_REFERENCES, 0x00081199),
}
ItemRule = Mapping[int, Rule]


@dataclass(frozen=True, slots=True)
class ContentPlan:
    """What happens to a content item.

    Attributes
    ----------
    named
        Action by scheme, code and value type.
    unnamed
        Action by value type; a value type that is not there is removed.
    """

    named: Mapping[tuple[str, str, str], Action]
    unnamed: Mapping[str, Action]

    @classmethod
    def of(cls, options: frozenset[Option]) -> ContentPlan:
        """The plan under options; the same for the same options."""
        return _compiled(options)

    def of_item(self, item: tuple[Element, ...], charsets: Charsets, *, in_place: bool) -> ItemRule | None:
        """Rules for attributes of one item that go before the plan's own; None for an item that must go."""
        values = {element.tag: element for element in item}
        kind = _text(values.get(_VALUE_TYPE), charsets)
        if not kind and _TARGET in values:
            return {}  # a reference to another item, by its position
        action = self._action(kind, values.get(_CONCEPT_NAME), charsets)
        if action is Action.REMOVE:
            if not in_place:
                return None
            action = _in_place(kind)
        tag = _VALUES.get(kind)
        return {} if tag is None else {tag: Rule(action, Action.DUMMY)}

    def _action(self, kind: str, concept: Element | None, charsets: Charsets) -> Action:
        for item in (concept.items or ()) if concept is not None else ():
            values = {element.tag: element for element in item}
            scheme = _text(values.get(_SCHEME), charsets)
            for tag in _CODE_VALUES:
                found = self.named.get((scheme, _text(values.get(tag), charsets), kind))
                if found is not None:
                    return found
        return self.unnamed.get(kind, Action.REMOVE)


def refers_by_position(elements: tuple[Element, ...]) -> bool:
    """Whether any item refers to another by its position in the tree."""
    return any(
        element.tag == _TARGET or any(refers_by_position(item) for item in element.items or ())
        for element in elements
    )


@lru_cache(maxsize=64)
def _compiled(options: frozenset[Option]) -> ContentPlan:
    kept_date = Action.DATE if Option.RETAIN_FULL_DATES in options else Action.REMOVE
    day = Action.SHIFT if Option.RETAIN_MODIFIED_DATES in options else kept_date
    time = Action.REMOVE if day is Action.REMOVE else Action.TIME
    unnamed = {
        **dict.fromkeys(_PLAIN, Action.KEEP),
        "TEXT": Action.CLEAN if Option.CLEAN_DESCRIPTORS in options else Action.DUMMY,
        "UIDREF": Action.UID_KEPT if Option.RETAIN_UIDS in options else Action.UID,
        "DATE": day,
        "DATETIME": day,
        "TIME": time,
    }
    named = {(row.scheme, row.code, row.value_type): _named(row, options, unnamed) for row in content_rows()}
    return ContentPlan(named, unnamed)


def _named(row: ContentRow, options: frozenset[Option], unnamed: Mapping[str, Action]) -> Action:
    codes = {row.options[option.column] for option in options if option.column in row.options}
    if row.value_type in _DATES and codes:
        return unnamed[row.value_type]
    if "K" in codes:
        return Action.UID_KEPT if row.value_type == "UIDREF" else Action.KEEP
    if "C" in codes:
        return Action.CLEAN
    # A choice with D keeps the item, for templates ask for it.
    if "D" not in row.basic:
        return Action.REMOVE
    if row.value_type == "UIDREF":
        return Action.UID
    # What is referred to is replaced where the references are, by the rules for UIDs.
    return Action.KEEP if row.value_type in _REFERENCES else Action.DUMMY


def _in_place(kind: str) -> Action:
    if kind == "NUM":
        return Action.EMPTY  # Measured Value Sequence is of type 2
    return Action.KEEP if kind in _REFERENCES else Action.DUMMY


def _text(element: Element | None, charsets: Charsets) -> str:
    return "" if element is None else decode(element.value, charsets).strip(" \0")
