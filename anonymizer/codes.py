"""The codes of a row of Table E.1-1 (``X/Z/D``, ``K``, ``C``), under options, become one rule.

A choice is resolved by the attribute's type in the IOD. Where that is not known, so that the result is valid in every
IOD: a dummy where D is allowed, else an empty value where Z is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from anonymizer.actions import Action, Rule
from anonymizer.options import Option
from anonymizer.table import Row, vr_of

__all__ = ["CONTENT_TAGS", "dated", "retained", "rule_of", "uid_rule"]

_BASIC: Final = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
    "X/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z": Action.EMPTY,
    "X/Z/U*": Action.KEEP,  # item by item: its UIDs are mapped
}
# Z allows a dummy in place of an empty value (PS3.15 E.1.1), which is what a required attribute needs.
_FOR_TYPE: Final = {
    "X/D": {"1": Action.DUMMY, "2": Action.DUMMY, "3": Action.REMOVE},
    "Z/D": {"1": Action.DUMMY, "2": Action.EMPTY, "3": Action.EMPTY},
    "X/Z/D": {"1": Action.DUMMY, "2": Action.EMPTY, "3": Action.REMOVE},
    "X/Z": {"1": Action.DUMMY, "2": Action.EMPTY, "3": Action.REMOVE},
    # The table removes what a few IODs require; what says nothing in its place says as little.
    "X": {"1": Action.DUMMY, "2": Action.EMPTY, "3": Action.REMOVE},
}
# X/Z, but an empty one is valid only inside a structured report; in images it needs an item or must go (PS3.3 C.7.2.1).
_NOT_EMPTY: Final = 0x00081110
_TIMEZONE: Final = 0x00080201
_CONTENT: Final = 0x0040A730
# Sequences of content items: Content, Acquisition Context, Specimen Preparation Step, and where the table has no row
# but the same macro is used (PS3.3 10.2), Protocol Context, its modifiers, and Specimen Localization.
CONTENT_TAGS: Final = frozenset({0x0040A730, 0x00400555, 0x00400612, 0x00400440, 0x00400441, 0x00400620})


def rule_of(row: Row, tag: int, options: Collection[Option], type_: str) -> Rule:
    """The rule for an attribute of type `type_` (empty: not known) that the table has a row for."""
    basic, vr = _basic(tag, row.basic, type_), vr_of(tag)
    codes = {option: row.options[option.column] for option in options if option.column in row.options}
    if tag == _TIMEZONE and codes:
        return Rule(Action.ZONE, basic)
    # A device's own dates are moved with all others, or they would not fit them any more.
    if vr in ("DA", "DT", "TM") and Option.RETAIN_MODIFIED_DATES in codes:
        return dated(vr, options, basic)
    if "K" in codes.values():
        return retained(vr, basic)
    if "C" in codes.values():
        if tag in CONTENT_TAGS:
            # An item without children is valid; one whose children say nothing is not what its template wants.
            return Rule(Action.CONTENT, Action.REMOVE if tag == _CONTENT else basic)
        return Rule(Action.KEEP if vr == "SQ" else Action.CLEAN, basic)
    if vr == "UI" and basic in (Action.UID, Action.DUMMY):
        return Rule(Action.UID)
    return Rule(basic)


def retained(vr: str, otherwise: Action) -> Rule:
    """The rule for a value that an option retains as it is; of what it cannot be, `otherwise`."""
    action = {
        "UI": Action.UID_KEPT,
        "AS": Action.AGE,
        "DA": Action.DATE,
        "DT": Action.DATE,
        "TM": Action.TIME,
    }
    return Rule(action.get(vr, Action.KEEP), otherwise)


def dated(vr: str, options: Collection[Option], otherwise: Action) -> Rule:
    """The rule for a date or time by the option of dates that is on."""
    if Option.RETAIN_FULL_DATES in options:
        return retained(vr, otherwise)
    if Option.RETAIN_MODIFIED_DATES in options:
        return Rule(Action.TIME if vr == "TM" else Action.SHIFT, otherwise)
    return Rule(otherwise)


def uid_rule(options: Collection[Option]) -> Rule:
    """The rule for a UID that the table does not name."""
    return Rule(Action.UID_KEPT, Action.UID) if Option.RETAIN_UIDS in options else Rule(Action.UID)


def _basic(tag: int, code: str, type_: str) -> Action:
    allowed = _FOR_TYPE.get(code, {})
    # What is required only under a condition may be removed where the table removes it.
    if code == "X" and type_.endswith("C"):
        type_ = "3"
    if type_ and allowed:
        return allowed[type_[0]]
    return Action.REMOVE if tag == _NOT_EMPTY else _BASIC[code]
