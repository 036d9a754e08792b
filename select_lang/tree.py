"""The tree of the language: frozen, compared by meaning, and knowing where each node stood in the text.

`parse` makes a `Select` from text; `check` turns it into a `Statement`, which is the only thing that the later stages
accept: its attributes are canonical names that exist, its values fit them, its regular expressions compile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from select_lang.span import NOWHERE, Span

__all__ = [
    "UNNAMED",
    "AllOf",
    "AnyOf",
    "Between",
    "Compare",
    "Everything",
    "Exists",
    "Join",
    "Joins",
    "Leaf",
    "Level",
    "Logic",
    "Missing",
    "Not",
    "OneOf",
    "Operator",
    "Reference",
    "Rule",
    "Rules",
    "Select",
    "Statement",
    "Where",
]

UNNAMED = "series"
"""What a `where` without a name is called."""


class Level(StrEnum):
    """What one job is."""

    SERIES = "series"
    STUDY = "study"
    PATIENT = "patient"
    PROJECT = "project"


class Operator(StrEnum):
    """How one attribute is compared with one value (or, in a `check`, with another attribute)."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINING = "containing"
    STARTS_WITH = "starts with"
    REGEXP = "regexp"


@dataclass(frozen=True, slots=True)
class Compare:
    """``NumImages > 100``: one attribute of a series against one value, which is kept as written."""

    attribute: str
    operator: Operator
    value: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """``Modality in (CT, MR)``."""

    attribute: str
    values: tuple[str, ...]
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """``EchoTime between 10 and 20``: both ends belong to it."""

    attribute: str
    low: str
    high: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """``EchoTime exists``: present with a value."""

    attribute: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """``EchoTime missing``: absent, or present without a value (PS3.5 7.4, types 2 and 3)."""

    attribute: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """``everything``: always holds."""

    at: Span = field(default=NOWHERE, compare=False, repr=False)


Rule: TypeAlias = Compare | OneOf | Between | Exists | Missing | Everything


@dataclass(frozen=True, slots=True)
class Reference:
    """``T1@StudyDate``: an attribute of the series found under a name."""

    name: str
    attribute: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """``A@FrameOfReferenceUID = B@FrameOfReferenceUID``."""

    left: Reference
    operator: Operator
    right: Reference
    at: Span = field(default=NOWHERE, compare=False, repr=False)


# The two kinds of leaf are told to the type checker, which then knows which one a function was given.
Leaf = TypeVar("Leaf", Rule, Join)


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    """``not CONDITION``."""

    condition: Logic[Leaf]
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AllOf(Generic[Leaf]):
    """``CONDITION and CONDITION …``: two or more."""

    conditions: tuple[Logic[Leaf], ...]
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[Leaf]):
    """``CONDITION or CONDITION …``: two or more."""

    conditions: tuple[Logic[Leaf], ...]
    at: Span = field(default=NOWHERE, compare=False, repr=False)


Logic: TypeAlias = Leaf | Not[Leaf] | AllOf[Leaf] | AnyOf[Leaf]
Rules: TypeAlias = Logic[Rule]
Joins: TypeAlias = Logic[Join]


@dataclass(frozen=True, slots=True)
class Where:
    """``where series named T1 has RULES``."""

    name: str | None
    rules: Rules
    at: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def called(self) -> str:
        """The name, or `UNNAMED`."""
        return UNNAMED if self.name is None else self.name


@dataclass(frozen=True, slots=True)
class Select:
    """One statement as it was read: not yet known to make sense."""

    level: Level
    source: Level | None
    wheres: tuple[Where, ...]
    checks: tuple[Joins, ...] = ()
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that `check` has passed."""

    select: Select

    @property
    def level(self) -> Level:
        """What one job is."""
        return self.select.level

    @property
    def names(self) -> tuple[str, ...]:
        """What the series of a job are called, in the order of the statement; an unnamed `where` is `series`."""
        return tuple(dict.fromkeys(where.called for where in self.select.wheres))
