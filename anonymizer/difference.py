"""What a profile does, attribute by attribute, and where two of them differ.

Of a choice of the table (``X/Z/D``) the rule is told that holds where the attribute's type is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from pydicom.datadict import keyword_dict, tag_for_keyword

from anonymizer.actions import Action, Rule
from anonymizer.options import Option
from anonymizer.plan import Plan
from anonymizer.private import safe_by
from anonymizer.profile import Profile
from anonymizer.table import Row, keyword, rows

__all__ = ["Difference", "ToldRule", "differences", "rules_of", "standard_of"]

_WORDS: Final = {
    Action.KEEP: "keep",
    Action.REMOVE: "remove",
    Action.EMPTY: "empty",
    Action.DUMMY: "dummy",
    Action.UID: "uid",
    Action.UID_KEPT: "keep the UID",
    Action.SHIFT: "shift",
    Action.DATE: "keep the date",
    Action.TIME: "keep the time",
    Action.ZONE: "keep the time zone",
    Action.CLEAN: "clean",
    Action.CONTENT: "treat content items",
    Action.PRIVATE: "keep what is safe",
    Action.PSEUDONYM: "pseudonym",
    Action.STUDY_ID: "study id",
    Action.ACCESSION: "accession number",
    Action.AGE: "keep, 90 years at most",
}
_FITS_ANY_VALUE: Final = frozenset(
    {Action.KEEP, Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.UID, Action.PRIVATE}
)
# A tag that a row for many stands for.
_EXAMPLES: Final = {
    "50xxxxxx": 0x50003000,
    "60xx3000": 0x60003000,
    "60xx4000": 0x60004000,
    "PRIVATE": 0x00091001,
}


@dataclass(frozen=True, slots=True)
class ToldRule:
    """What a profile does to one attribute.

    Attributes
    ----------
    tag
        ``(0008,0080)``; for a private attribute with its creator behind it.
    standard
        What Table E.1-1 says: the code of the Basic Profile, and of each option that is on; empty without a row.
    action
        What is done, and after ``else`` what with values that it does not fit.
    """

    tag: str
    name: str
    standard: str
    action: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute, or one setting, in which two profiles differ."""

    tag: str
    name: str
    standard: str
    one: str
    other: str


def standard_of(profile: Profile) -> Profile:
    """The standard's own profile with the options of another: no lists, no lines."""
    return Profile(options=profile.options, cleaned=frozenset())


def rules_of(profile: Profile) -> tuple[ToldRule, ...]:
    """The rule for every row of Table E.1-1, and for what the profile itself names, by tag."""
    plan = Plan(profile, {})
    listed = {_number(row): row for row in rows()}
    words = profile.cleaned | profile.keep | profile.remove
    named = {int(tag) for tag in map(tag_for_keyword, words) if tag is not None}
    named |= {line.tag for line in profile.lines}
    told = [_told(tag, listed.get(tag), plan) for tag in sorted(named | listed.keys())]
    return (*told, *(ToldRule(tag, "", "", action) for tag, action in _private(profile).items()))


def differences(one: Profile, other: Profile) -> tuple[Difference, ...]:
    """Settings, then attributes of the table and the data dictionary, then private ones, in which two differ."""
    return (*_settings(one, other), *_attributes(one, other), *_safe_ones(one, other))


def _settings(one: Profile, other: Profile) -> Iterator[Difference]:
    for option in sorted(one.options ^ other.options):
        states = ("on", "off") if option in one.options else ("off", "on")
        yield Difference("", option, "", *states)
    if one.weekdays != other.weekdays:
        yield Difference("", "weekdays", "", *(_yes(side.weekdays) for side in (one, other)))
    if one.find_text != other.find_text:
        yield Difference("", "find_text", "", *(_yes(side.find_text) for side in (one, other)))
    if one.pixel_rules != other.pixel_rules:
        states = ("own", "others") if one.pixel_rules and other.pixel_rules else ("own", "none")
        yield Difference("", "pixel_rules", "", *(states if one.pixel_rules else reversed(states)))


def _attributes(one: Profile, other: Profile) -> Iterator[Difference]:
    plans = Plan(one, {}), Plan(other, {})
    listed = {_number(row): row for row in rows()}
    for tag in sorted(listed.keys() | _dictionary()):
        ours, theirs = (plan.rule(tag) for plan in plans)
        if ours != theirs:
            told = _told(tag, listed.get(tag), plans[0])
            yield Difference(told.tag, told.name, told.standard, told.action, _action(theirs))


def _safe_ones(one: Profile, other: Profile) -> Iterator[Difference]:
    ours, theirs = _private(one), _private(other)
    for where in sorted(ours.keys() | theirs.keys()):
        states = ours.get(where, "remove"), theirs.get(where, "remove")
        if states[0] != states[1]:
            yield Difference(where, "", "", *states)


def _private(profile: Profile) -> dict[str, str]:
    if not profile.has(Option.RETAIN_SAFE_PRIVATE):
        return {}
    return {
        f"({group:04X},xx{element:02X}) {creator}": f"keep {vr}"
        for (creator, group, element), vr in sorted(safe_by(profile.private).items())
    }


def _told(tag: int, row: Row | None, plan: Plan) -> ToldRule:
    # The only row outside data sets is of the file meta information.
    action = "written anew" if tag >> 16 == 0x0002 else _action(plan.rule(tag))
    if row is None:
        return ToldRule(_where(tag), keyword(tag), "", action)
    codes = {option: row.options.get(option.column) for option in sorted(plan.profile.options)}
    standard = [row.basic, *(f"{option}: {code}" for option, code in codes.items() if code)]
    where = _where(tag) if row.number else row.tag
    return ToldRule(
        where, keyword(tag) if row.number and keyword(tag) else row.name, ", ".join(standard), action
    )


def _action(rule: Rule) -> str:
    if rule.action in _FITS_ANY_VALUE and rule.otherwise is Action.REMOVE:
        return _WORDS[rule.action]
    return f"{_WORDS[rule.action]}, else {_WORDS[rule.otherwise]}"


def _number(row: Row) -> int:
    return row.number or _EXAMPLES[row.tag]


def _where(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _yes(value: bool) -> str:
    return "true" if value else "false"


@cache
def _dictionary() -> frozenset[int]:
    return frozenset(int(tag) for tag in keyword_dict.values())
