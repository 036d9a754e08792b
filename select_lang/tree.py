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
    "Amount",
    "AnyOf",
    "Between",
    "Choice",
    "Closest",
    "Compare",
    "Count",
    "Everything",
    "Exists",
    "Join",
    "Joins",
    "Leaf",
    "Level",
    "LineFilter",
    "Listed",
    "Logic",
    "Missing",
    "Not",
    "OneOf",
    "Operator",
    "Pick",
    "Preference",
    "Reference",
    "Rule",
    "Rules",
    "Select",
    "Statement",
    "StudyLimit",
    "Unit",
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
    IREGEXP = "iregexp"
    APPROX = "approx"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Compare:
    """``NumImages > 100``: one attribute of a series against one value, which is kept as written.

    Of several values one is enough, unless it says `every`: ``ImageType all = ORIGINAL``.
    """

    attribute: str
    operator: Operator
    value: str
    every: bool = False
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """``Modality in (CT, MR)``."""

    attribute: str
    values: tuple[str, ...]
    every: bool = False
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """``EchoTime between 10 and 20``: both ends belong to it."""

    attribute: str
    low: str
    high: str
    every: bool = False
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """``ImageOrientationPatient approx (1, 0, 0, 0, 1, 0)``: all values, in this order; also with ``=``, ``!=``."""

    attribute: str
    operator: Operator
    values: tuple[str, ...]
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """``ClassifyType: .*DIFFUSION``: a regular expression on the one line that says all of a series, as in ror."""

    pattern: str
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


Rule: TypeAlias = Compare | OneOf | Between | Listed | Exists | Missing | Everything | LineFilter


@dataclass(frozen=True, slots=True)
class Reference:
    """``T1@StudyDate``: an attribute of the series found under a name."""

    name: str
    attribute: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


class Unit(StrEnum):
    """What an `Amount` counts."""

    WEEKS = "weeks"
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"
    SECONDS = "seconds"
    MM = "mm"


@dataclass(frozen=True, slots=True)
class Amount:
    """``30 minutes``; without a unit, as many as the attribute counts in."""

    number: str
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """``A@FrameOfReferenceUID = B@FrameOfReferenceUID``, ``A@StudyDate within 30 days of B@StudyDate``.

    `within` is given for the operator of that name, and only for it.
    """

    left: Reference
    operator: Operator
    right: Reference
    within: Amount | None = None
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


class Preference(StrEnum):
    """Which of several series `pick` takes."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Count:
    """``exactly 1`` or ``at least 2``: how many series a name must find."""

    number: int
    at_least: bool = False

    def holds(self, found: int) -> bool:
        """Whether so many are right."""
        return found >= self.number if self.at_least else found == self.number


@dataclass(frozen=True, slots=True)
class Closest:
    """``closest to DWI by AcquisitionDateTime``: for each series of that name, the one that is nearest to it."""

    name: str
    by: str
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pick:
    """``pick largest by NumImages``: one of the series. Without `by`, by what the preference is usually about."""

    preference: Preference
    by: str | None = None
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """What may follow the rules of a name: which of the series that fit it takes, and how many there must be."""

    closest: Closest | None = None
    count: Count | None = None
    pick: Pick | None = None
    optional: bool = False
    shared: bool = False

    @property
    def required(self) -> bool:
        """Whether there is no job without a series of this name."""
        return not self.optional and self.count != Count(0)


@dataclass(frozen=True, slots=True)
class Where:
    """``where series named T1 has RULES pick newest``."""

    name: str | None
    rules: Rules
    choice: Choice = Choice()
    at: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def called(self) -> str:
        """The name, or `UNNAMED`."""
        return UNNAMED if self.name is None else self.name


@dataclass(frozen=True, slots=True)
class StudyLimit:
    """``from earliest study by StudyDate``, ``from last 2 studies``: those of each patient that are looked at."""

    number: int = 1
    latest: bool = False
    by: str = "StudyDate"
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Select:
    """One statement as it was read: not yet known to make sense."""

    level: Level
    source: Level | StudyLimit | None
    wheres: tuple[Where, ...]
    checks: tuple[Joins, ...] = ()
    at: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def limit(self) -> StudyLimit | None:
        """Which studies of each patient are looked at; None: all of them."""
        return self.source if isinstance(self.source, StudyLimit) else None


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

    @property
    def across_studies(self) -> bool:
        """Whether the jobs of one study depend on the other studies of its patient."""
        if self.level in (Level.PATIENT, Level.PROJECT) or self.select.limit is not None:
            return True
        return any(where.choice.closest for where in self.select.wheres)
