"""A profile compiled into one rule per tag, for one kind of object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from anonymizer.actions import Action, Rule
from anonymizer.codes import CONTENT_TAGS, dated, rule_of, uid_rule
from anonymizer.iods import REQUIRED, nested_types, top_types
from anonymizer.lines import Line, Treatment
from anonymizer.options import Option
from anonymizer.profile import Profile
from anonymizer.structured import ContentPlan
from anonymizer.table import Row, is_retired, keyword, rows, vr_of

__all__ = ["REQUIRED", "Action", "Plan", "Rule", "compile_plan"]

_KEEP, _REMOVE = Rule(Action.KEEP), Rule(Action.REMOVE)
_SPECIAL = {
    "PatientName": Rule(Action.PSEUDONYM),
    "PatientID": Rule(Action.PSEUDONYM),
    "StudyID": Rule(Action.STUDY_ID),
    "AccessionNumber": Rule(Action.ACCESSION, Action.EMPTY),
    # What leads back to the patient for who has the key to it; in no row of the table either.
    "EncryptedAttributesSequence": _REMOVE,
    # Identifying, standard, and in no row of the table.
    "PatientBirthDateInAlternativeCalendar": _REMOVE,
    "PatientDeathDateInAlternativeCalendar": _REMOVE,
    # Of a hospital's own coding scheme it is free text; of the standard's nothing is found in it that identifies.
    "CodeMeaning": Rule(Action.CLEAN, Action.DUMMY),
}
# Room for sentences. Kept only where a code needs it (PS3.3 8.8: Long Code Value, URN Code Value).
_PROSE_VRS = frozenset({"ST", "LT", "UT", "UR", "UC"})
# Room for a few words, which somebody may have typed.
_WORDS_VRS = frozenset({"LO", "SH"})
# Code Value, Coding Scheme Designator, Version and Registry, Mapping Resource Name; Long and URN Code Value.
_OF_CODES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080112, 0x00080122, 0x00080119, 0x00080120})
_OUTSIDE_A_DATA_SET = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
_BY_LINE = {
    Treatment.REMOVE: _REMOVE,
    Treatment.EMPTY: Rule(Action.EMPTY),
    Treatment.DUMMY: Rule(Action.DUMMY),
    Treatment.UID: Rule(Action.UID),
}


class Plan:
    """The rule for every tag there is, at the top of an object and in its sequences.

    Attributes
    ----------
    profile
        What it was compiled from.
    content
        What happens to content items, where Clean Structured Content is on.
    """

    __slots__ = ("_nested", "_nested_by_type", "_top", "content", "profile")

    def __init__(self, profile: Profile, types: Mapping[int, str]) -> None:
        self.profile = profile
        self.content = (
            ContentPlan.of(profile.options) if profile.has(Option.CLEAN_STRUCTURED_CONTENT) else None
        )
        listed = _rows()
        self._top = {tag: _with_lines(tag, row, profile, types.get(tag, "")) for tag, row in listed.items()}
        self._nested = {tag: _with_lines(tag, row, profile, "") for tag, row in listed.items()}
        self._nested_by_type = {
            (parent, tag): _with_lines(tag, listed[tag], profile, type_)
            for (parent, tag), type_ in nested_types().items()
            if tag in listed
        }

    def rule(self, tag: int, parent: int = 0) -> Rule:
        """The rule for a tag, in the table or not, at the top or in an item of the sequence `parent`."""
        if parent:
            found = self._nested_by_type.get((parent, tag)) or self._nested.get(tag)
        else:
            found = self._top.get(tag)
        return found or _beyond(tag, self.profile)


@lru_cache(maxsize=256)
def compile_plan(profile: Profile, sop_class_uid: str) -> Plan:
    """Compile a profile for objects of a SOP class; the same two are compiled once."""
    return _compiled(profile, tuple(sorted(top_types(sop_class_uid).items())))


@lru_cache(maxsize=256)
def _compiled(profile: Profile, types: tuple[tuple[int, str], ...]) -> Plan:
    # Many SOP classes share an IOD, and unknown ones share having none.
    return Plan(profile, dict(types))


def _rows() -> dict[int, Row]:
    # File meta information (0002,0003) is written anew; inside a data set it has no place.
    return {row.number: row for row in rows() if row.number is not None and row.number >> 16 != 0x0002}


@lru_cache(maxsize=16384)
def _beyond(tag: int, profile: Profile) -> Rule:
    """The rule for a tag that the table has no row for; they come from outside, so only so many are remembered."""
    return _with_lines(tag, None, profile, "")


def _with_lines(tag: int, row: Row | None, profile: Profile, type_: str) -> Rule:
    """The rule by the project's own lines, which go before the table."""
    word, own = keyword(tag), _own(profile.lines).get(tag)
    if own in _BY_LINE:
        return _BY_LINE[own]
    if own in (Treatment.KEEP, Treatment.SHIFT):
        return _kept(tag, profile)
    if word in profile.remove:
        return Rule(Action.EMPTY) if tag in REQUIRED else _REMOVE
    if word in profile.keep:
        return _kept(tag, profile)
    rule = _SPECIAL.get(word)
    if rule is None:
        rule = rule_of(row, tag, profile.options, type_) if row else _unlisted(tag, profile)
    if word in profile.cleaned or own is Treatment.CLEAN:
        basic = rule.otherwise if rule.action is Action.CLEAN else rule.action
        return Rule(Action.CLEAN, Action.REMOVE if basic is Action.KEEP else basic)
    return rule


@lru_cache(maxsize=256)
def _own(lines: frozenset[Line]) -> Mapping[int, Treatment]:
    return {line.tag: line.treatment for line in lines}


def _unlisted(tag: int, profile: Profile) -> Rule:
    group = tag >> 16
    if group & 1:
        return Rule(Action.PRIVATE) if profile.has(Option.RETAIN_SAFE_PRIVATE) else _REMOVE
    curve_or_overlay = group >> 8 in (0x50, 0x60)
    if not tag & 0xFFFF or group in _OUTSIDE_A_DATA_SET or curve_or_overlay or is_retired(tag):
        return _REMOVE
    vr = vr_of(tag)
    if vr in ("DA", "DT", "TM"):
        return dated(vr, profile.options, Action.REMOVE)
    if vr == "UI":
        return uid_rule(profile.options)
    if vr == "PN":
        return Rule(Action.EMPTY)
    if tag in CONTENT_TAGS and profile.has(Option.CLEAN_STRUCTURED_CONTENT):
        return Rule(Action.CONTENT)
    if tag in _OF_CODES:
        return _KEEP
    if vr in _WORDS_VRS:
        return Rule(Action.CLEAN, Action.DUMMY)
    return _REMOVE if vr in _PROSE_VRS else _KEEP


def _kept(tag: int, profile: Profile) -> Rule:
    """A project keeps what it names, but not a date as it was, a UID or a high age, unless an option does."""
    vr = vr_of(tag)
    if vr in ("DA", "DT", "TM"):
        options = profile.options
        dates = {Option.RETAIN_FULL_DATES} & options or {Option.RETAIN_MODIFIED_DATES}
        return dated(vr, dates, Action.EMPTY if tag in REQUIRED else Action.REMOVE)
    if vr == "UI":
        return uid_rule(profile.options)
    return Rule(Action.AGE) if vr == "AS" else _KEEP
