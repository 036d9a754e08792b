"""A profile compiled into one rule per tag.

Codes with a choice (``X/Z/D``) are resolved without looking at the object's IOD, so that what comes out is
valid in every IOD: a dummy where D is allowed, else an empty value where Z is; a sequence that may be
emptied, removed or treated item by item is treated item by item.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from anonymizer.profile import Profile
from anonymizer.table import is_retired, rows, vr_of

__all__ = ["REQUIRED", "Action", "Plan", "Rule", "compile_plan"]


class Action(StrEnum):
    """What happens to an element; the values are the words of the report."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "dummied"
    UID = "uid_mapped"
    SHIFT = "date_shifted"
    TIME = "time_kept"
    CLEAN = "cleaned"
    PSEUDONYM = "pseudonymised"
    STUDY_ID = "study_id_hashed"
    AGE = "age_capped"


@dataclass(frozen=True, slots=True)
class Rule:
    """An action, and the stricter one for values that it cannot be applied to (a date that is none)."""

    action: Action
    otherwise: Action = Action.REMOVE


_KEEP, _REMOVE, _UID = Rule(Action.KEEP), Rule(Action.REMOVE), Rule(Action.UID)

_BASIC = {
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
# X/Z, but an empty one is valid only inside a structured report; in images it needs an item or must go (PS3.3 C.7.2.1).
_NOT_EMPTY = frozenset({0x00081110})
_PSEUDONYMS = ("PatientName", "PatientID")
# Identifying, standard, and in no row of the table.
_FORGOTTEN = ("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar")
# Room for sentences. Kept only where a code needs it (PS3.3 8.8: URN Code Value, Long Code Value is UC).
_PROSE_VRS = frozenset({"ST", "LT", "UT", "UR"})
_PROSE_KEPT = frozenset({0x00080120})
_OUTSIDE_A_DATA_SET = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
# Type 2 in the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): never absent.
REQUIRED = frozenset(
    {0x00080020, 0x00080030, 0x00080050, 0x00080090}
    | {0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00200010}
)


class Plan:
    """The rule for every tag there is."""

    __slots__ = ("_listed", "_modified_dates")

    def __init__(self, listed: dict[int, Rule], modified_dates: bool) -> None:
        self._listed = listed
        self._modified_dates = modified_dates

    def rule(self, tag: int) -> Rule:
        """The rule for a tag, in the table or not."""
        return self._listed.get(tag) or self._unlisted(tag)

    def _unlisted(self, tag: int) -> Rule:
        group = tag >> 16
        curve_or_overlay = group >> 8 in (0x50, 0x60)
        if (
            group & 1
            or not tag & 0xFFFF
            or group in _OUTSIDE_A_DATA_SET
            or curve_or_overlay
            or is_retired(tag)
        ):
            return _REMOVE
        vr = vr_of(tag)
        if vr in ("DA", "DT", "TM"):
            return _dated(vr, Action.REMOVE) if self._modified_dates else _REMOVE
        if vr == "UI":
            return _UID
        if vr == "PN":
            return Rule(Action.EMPTY)
        return _REMOVE if vr in _PROSE_VRS and tag not in _PROSE_KEPT else _KEEP


@lru_cache(maxsize=64)
def compile_plan(profile: Profile) -> Plan:
    """Compile a profile; the same profile is compiled once."""
    listed: dict[int, Rule] = {}
    for row in rows():
        tag = row.number
        # File meta information (0002,0003) is written anew; inside a data set it has no place.
        if tag is not None and tag >> 16 != 0x0002:
            dated = profile.modified_dates and "retain_longitudinal_modified_dates" in row.options
            basic = Action.REMOVE if tag in _NOT_EMPTY else _BASIC[row.basic]
            listed[tag] = _listed(tag, basic, dated)
    listed.update({_tag(word): _REMOVE for word in _FORGOTTEN})
    listed.update({_tag(word): Rule(Action.PSEUDONYM) for word in _PSEUDONYMS})
    listed[_tag("StudyID")] = Rule(Action.STUDY_ID)
    plan = Plan(listed, profile.modified_dates)
    for word in profile.cleaned:
        listed[_tag(word)] = Rule(Action.CLEAN, _stricter(plan.rule(_tag(word)).action))
    for word in profile.keep:
        listed[_tag(word)] = _kept(_tag(word))
    for word in profile.remove:
        listed[_tag(word)] = Rule(Action.EMPTY) if _tag(word) in REQUIRED else _REMOVE
    return plan


def _listed(tag: int, basic: Action, dated: bool) -> Rule:
    vr = vr_of(tag)
    if basic is Action.DUMMY and vr == "UI":
        return _UID
    # A row newer than the dictionary has no VR here; the element's own says whether it is a date.
    if dated and vr in ("DA", "DT", "TM"):
        return _dated(vr, basic)
    return Rule(basic)


def _dated(vr: str, otherwise: Action) -> Rule:
    return Rule(Action.TIME if vr == "TM" else Action.SHIFT, otherwise)


def _kept(tag: int) -> Rule:
    vr = vr_of(tag)
    if vr in ("DA", "DT", "TM"):
        return _dated(vr, Action.EMPTY if tag in REQUIRED else Action.REMOVE)
    return {"UI": _UID, "AS": Rule(Action.AGE)}.get(vr, _KEEP)


def _stricter(action: Action) -> Action:
    return Action.REMOVE if action is Action.KEEP else action


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword  # Profile has checked it
    return int(tag)
