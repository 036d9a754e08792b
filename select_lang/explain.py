"""Statement + catalogue → why there is a job, or none: for every name, series and rule, and in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from select_lang.catalogue import Match, Series
from select_lang.evaluate import Group, groups, matches_of
from select_lang.logic import conjuncts
from select_lang.rules import attributes_of, rules_truth
from select_lang.sentences import group_sentence, whole_sentence
from select_lang.tree import Rules, Statement, Where
from select_lang.write import write_rules

__all__ = ["Explanation", "GroupReason", "NameReason", "Outcome", "RuleReason", "SeriesReason", "explain"]


class Outcome(StrEnum):
    """What became of one rule for one series."""

    HELD = "held"
    NOT_HELD = "did not hold"
    ABSENT = "attribute absent"
    UNREADABLE = "value cannot be read"


@dataclass(frozen=True, slots=True)
class RuleReason:
    """One rule (what stands between the outermost `and`s) and one series.

    `seen` has the values of every attribute that the rule looks at, in its order.
    """

    rule: str
    outcome: Outcome
    seen: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        """The rule, what became of it, and why."""
        seen = "; ".join(f"{name}: {', '.join(values) or 'absent'}" for name, values in self.seen)
        return f"{self.rule}: {self.outcome}" + (f" ({seen})" if seen else "")


@dataclass(frozen=True, slots=True)
class SeriesReason:
    """One series and the rules of one name.

    `held`: all rules together are true. `went_to`: the names that the series went to: the first that it fits, and those
    that are shared; () when it fits none.
    """

    series_uid: str
    study_uid: str
    held: bool
    went_to: tuple[str, ...]
    rules: tuple[RuleReason, ...]


@dataclass(frozen=True, slots=True)
class NameReason:
    """One name of the statement, and every series of a group; `required`: there is no job without one of them."""

    name: str
    series: tuple[SeriesReason, ...]
    required: bool = True

    @property
    def found(self) -> tuple[str, ...]:
        """The SeriesInstanceUIDs that went to this name, before any check."""
        return tuple(one.series_uid for one in self.series if one.held and self.name in one.went_to)


@dataclass(frozen=True, slots=True)
class GroupReason:
    """One study (levels series and study) or one patient (levels patient and project)."""

    key: str
    matched: bool
    names: tuple[NameReason, ...]
    sentence: str

    @property
    def lacking(self) -> tuple[str, ...]:
        """The required names that no series went to, where others have theirs: a group that may be on its way."""
        required = [one for one in self.names if one.required]
        lacking = tuple(one.name for one in required if not one.found)
        return lacking if len(lacking) < len(required) else ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a statement makes the jobs it makes: `matches` is what `evaluate` answers.

    `sentence` says it in short: ``no series is a FLAIR: SeriesDescription containing "FLAIR" found nothing in 3 series
    (seen: T1w, T2w, T1wCE)``.
    """

    matches: tuple[Match, ...]
    groups: tuple[GroupReason, ...]
    sentence: str


def explain(statement: Statement, catalogue: Iterable[Series]) -> Explanation:
    """Say for every name, series and rule what held and what did not, with the values seen."""
    looked_at = groups(statement, catalogue)
    reasons = tuple(_group_reason(statement, group) for group in looked_at)
    matches = matches_of(statement, looked_at)
    told = [(reason.key, reason.sentence) for reason in reasons if not reason.matched]
    only = reasons[0].sentence if len(reasons) == 1 else None
    return Explanation(matches, reasons, only or whole_sentence(statement, matches, len(reasons), told))


def _group_reason(statement: Statement, group: Group) -> GroupReason:
    went_to: dict[str, list[str]] = {}
    for where, found in zip(statement.select.wheres, group.found, strict=True):
        for series in found:
            went_to.setdefault(series.uid, []).append(where.called)
    matches = matches_of(statement, [group])
    names = tuple(
        NameReason(
            where.called,
            tuple(_series_reason(where, one, tuple(went_to.get(one.uid, ()))) for one in group.series),
            where.choice.required,
        )
        for where in statement.select.wheres
    )
    return GroupReason(group.key, bool(matches), names, group_sentence(statement, group, matches))


def _series_reason(where: Where, series: Series, went_to: tuple[str, ...]) -> SeriesReason:
    parts = conjuncts(where.rules)
    rules = tuple(_rule_reason(part, series) for part in parts)
    return SeriesReason(series.uid, series.study_uid, bool(rules_truth(where.rules, series)), went_to, rules)


def _rule_reason(rules: Rules, series: Series) -> RuleReason:
    seen = tuple((attribute, series.values(attribute)) for attribute in attributes_of(rules))
    known = rules_truth(rules, series)
    if known is None:
        outcome = Outcome.UNREADABLE if all(values for _, values in seen) else Outcome.ABSENT
    else:
        outcome = Outcome.HELD if known else Outcome.NOT_HELD
    return RuleReason(write_rules(rules), outcome, seen)
