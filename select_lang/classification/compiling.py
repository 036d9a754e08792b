"""One rule of the JSON → one question in the language's own checked tree.

Whether attributes, operators and values fit one another is told by the language's `check`, in its own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of
from select_lang.catalogue import Series
from select_lang.check import check
from select_lang.classification.reading import Faults, RawRule, Value
from select_lang.errors import SelectError
from select_lang.logic import Truth, all_true
from select_lang.rules import rule_truth
from select_lang.tree import (
    Between,
    Compare,
    Exists,
    Level,
    Listed,
    Missing,
    OneOf,
    Operator,
    Select,
    Where,
)
from select_lang.values import read_value

__all__ = ["TYPES", "Question", "compile_rule"]

TYPES = "ClassifyTypes"
_MOST_REMEMBERED = 4096

_Asked: TypeAlias = Exists | Missing | Compare | Listed | OneOf

_OPERATORS = {
    "": Operator.REGEXP,
    "regexp": Operator.REGEXP,
    "iregexp": Operator.IREGEXP,
    "=~": Operator.IREGEXP,
    "contains": Operator.CONTAINING,
    "containing": Operator.CONTAINING,
    "starts with": Operator.STARTS_WITH,
    "approx": Operator.APPROX,
    "=": Operator.EQUAL,
    "==": Operator.EQUAL,
    "!=": Operator.NOT_EQUAL,
    "<": Operator.LESS,
    "<=": Operator.LESS_OR_EQUAL,
    ">": Operator.GREATER,
    ">=": Operator.GREATER_OR_EQUAL,
}
_OTHER_OPERATORS = ("in", "exists", "missing")

# Names that older rules use for the same thing, and for what private headers told the program that they were made for.
_ALIASES = {"NumFiles": "NumImages"}
_NEVER_HELD = {"AcquisitionLength", "NumSlices", "PhaseEncodingDirectionPositive", "SequenceType"}
_ANY = "*"
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,4})")
_NUMBERS = re.compile(r"\s*[-+.0-9eE]+(?:\s*[,\\]\s*[-+.0-9eE]+)+\s*")


@dataclass(eq=False, slots=True)
class Question:
    """A checked rule about one attribute, which remembers what it said of the values it has seen.

    `rule` is None when it asks for what no archive holds, so that its truth is never known. `within` are the rules that
    say how near each of several values must be, when that is not what `approx` says; None takes any value.
    """

    attribute: str
    rule: _Asked | None
    within: tuple[Between | None, ...] = ()
    _said: dict[tuple[str, ...], Truth] = field(default_factory=dict, repr=False)

    def truth(self, values: tuple[str, ...]) -> Truth:
        """Truth for a series whose attribute has these values."""
        try:
            return self._said[values]
        except KeyError:
            if len(self._said) >= _MOST_REMEMBERED:
                self._said.clear()
            return self._said.setdefault(values, self._ask(values))

    def _ask(self, values: tuple[str, ...]) -> Truth:
        if self.rule is None:
            return None
        if self.within and len(values) == len(self.within):
            pairs = zip(self.within, values, strict=True)
            return all_true(
                rule_truth(near, _holding(self.attribute, value)) for near, value in pairs if near
            )
        said = rule_truth(self.rule, _holding(self.attribute, *values))
        if said is None and self.attribute == TYPES:
            # That a series has no types yet is known.
            return isinstance(self.rule, Compare) and self.rule.operator is Operator.NOT_EQUAL
        return said


def _holding(attribute: str, *values: str) -> Series:
    return Series("", "", "", {attribute: values})


def compile_rule(raw: RawRule, faults: Faults, warnings: Faults) -> Question | None:
    """Check one rule that asks something; None, and at least one fault, when it cannot be used."""
    if raw.operator not in _OPERATORS and raw.operator not in _OTHER_OPERATORS:
        known = ", ".join(filter(None, (*_OPERATORS, *_OTHER_OPERATORS)))
        faults.add(
            f"{raw.path}.operator", f"there is no operator {raw.operator!r}", f"Write one of: {known}."
        )
        return None
    if not raw.tag:
        return None
    try:
        attribute = canonical(_name(raw.tag))
    except UnknownAttribute as fault:
        return _never_known(raw, fault, faults, warnings)
    if len(raw.tag) > 2:
        faults.add(f"{raw.path}.tag", "one value of several cannot be asked for", "Leave the number out.")
        return None
    asked = _asked(attribute, raw, faults)
    if asked is None:
        return None
    where = Where(None, asked)
    try:
        check(Select(Level.SERIES, None, (where,)))
    except SelectError as error:
        for one in error.faults:
            faults.add(f"{raw.path}.value", one.message, one.advice)
        return None
    return Question(attribute, asked, _within(attribute, asked, raw, faults))


def _name(tag: tuple[str, ...]) -> str:
    """The name that the language knows an attribute by."""
    if len(tag) == 1:
        return _ALIASES.get(tag[0], tag[0])
    group, element = (_HEX.fullmatch(part) for part in tag[:2])
    if not group or not element:
        raise UnknownAttribute(
            f"{', '.join(tag)} is no tag", 'Write ["0008", "0060"], in hexadecimal digits.'
        )
    return f"({int(group[1], 16):04X},{int(element[1], 16):04X})"


def _never_known(raw: RawRule, fault: UnknownAttribute, faults: Faults, warnings: Faults) -> Question | None:
    """A question that older rules ask and no archive can answer; of any other unknown attribute, a fault."""
    group = _HEX.fullmatch(raw.tag[0]) if len(raw.tag) > 1 else None
    private = bool(group and int(group[1], 16) % 2)
    if not private and raw.tag[0] not in _NEVER_HELD:
        faults.add(f"{raw.path}.tag", str(fault), fault.advice)
        return None
    message = f"{', '.join(raw.tag)} is never held, so this rule is never known"
    warnings.add(f"{raw.path}.tag", message, "Private attributes are taken out at the gate.")
    return Question(raw.tag[0], None)


def _asked(attribute: str, raw: RawRule, faults: Faults) -> _Asked | None:
    if raw.operator in ("exists", "missing"):
        if raw.value not in (None, ""):
            faults.add(f"{raw.path}.value", f"{raw.operator} takes no value")
        return Exists(attribute) if raw.operator == "exists" else Missing(attribute)
    if raw.value is None:
        faults.add(f"{raw.path}.value", "a value is needed")
        return None
    if raw.operator == "in":
        return OneOf(attribute, (raw.value,) if isinstance(raw.value, str) else raw.value)
    operator = _OPERATORS[raw.operator]
    if operator is Operator.APPROX:
        # Where any value will do, there is nothing to check.
        return Listed(attribute, operator, tuple("0" if one == _ANY else one for one in _listed(raw.value)))
    numbers = kind_of(attribute) is Kind.NUMBER and _NUMBERS.fullmatch(str(raw.value))
    if operator is Operator.REGEXP and numbers:
        # Older programs looked at all numbers of an attribute in one text; here each is a value of its own.
        return Listed(attribute, Operator.EQUAL, _listed(raw.value))
    if isinstance(raw.value, str):
        return Compare(attribute, operator, raw.value)
    return Listed(attribute, operator, raw.value)


def _listed(value: Value) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,\\]", value)) if isinstance(value, str) else value


def _within(attribute: str, asked: _Asked, raw: RawRule, faults: Faults) -> tuple[Between | None, ...]:
    """What `approxLevel` says of each number."""
    approximate = isinstance(asked, Listed) and asked.operator is Operator.APPROX
    values = _listed(raw.value) if approximate and raw.value else ()
    level = read_value(Kind.NUMBER, raw.within) if raw.within else None
    if raw.within and not approximate:
        faults.add(f"{raw.path}.approxLevel", "only approx has a level")
    elif raw.within and (not isinstance(level, Decimal) or level < 0):
        faults.add(f"{raw.path}.approxLevel", f"{raw.within!r} is no positive number", "Write 0.1.")
    elif isinstance(level, Decimal):
        return tuple(None if one == _ANY else _near(attribute, Decimal(one), level) for one in values)
    elif _ANY in values:
        faults.add(f"{raw.path}.value", f"{_ANY} needs an approxLevel", 'Write "approxLevel": 0.1.')
    return ()


def _near(attribute: str, centre: Decimal, level: Decimal) -> Between:
    return Between(attribute, str(centre - level), str(centre + level))
