"""Why there is a job, or none, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from select_lang.catalogue import Match, Series
from select_lang.evaluate import Group
from select_lang.joining import taking_part
from select_lang.logic import conjuncts, leaves
from select_lang.rules import rules_truth
from select_lang.tree import Everything, Level, Rules, Statement, Where
from select_lang.write import write_joins, write_rules

__all__ = ["group_sentence", "whole_sentence"]

_MOST_SEEN = 5


def whole_sentence(
    statement: Statement, matches: Sequence[Match], looked_at: int, missed: Sequence[tuple[str, str]]
) -> str:
    """What a statement makes of several studies or patients; `missed`: key and sentence of each without a job."""
    if not looked_at:
        return "there is no series to look at"
    what = "studies" if statement.level in (Level.SERIES, Level.STUDY) else "patients"
    jobs = f"{len(matches)} job{'' if len(matches) == 1 else 's'} of {looked_at} {what}"
    if not missed:
        return jobs
    key, sentence = missed[0]
    more = f"; and {len(missed) - 1} more without a job" if len(missed) > 1 else ""
    return f"{jobs}; {key}: {sentence}{more}"


def group_sentence(statement: Statement, group: Group) -> str:
    """What a statement makes of one study or patient."""
    if group.kept is not None and any(group.kept):
        counted = [
            f"{len(found)} {where.called}"
            for where, found in zip(statement.select.wheres, group.kept, strict=True)
        ]
        return f"matched: {', '.join(counted)}"
    reasons = [
        f"no series {_is_a(where)}: {_why_nothing(where, group, number)}"
        for number, where in enumerate(statement.select.wheres)
        if not group.found[number]
    ]
    return "; ".join(reasons) or _why_unchecked(statement, group)


def _is_a(where: Where) -> str:
    return "fits" if where.name is None else f"is a {where.name}"


def _why_nothing(where: Where, group: Group, number: int) -> str:
    count = f"{len(group.series)} series"
    if any(rules_truth(where.rules, series) for series in group.series):
        return "those that fit went to a name that comes before"
    parts = conjuncts(where.rules)
    held = [[series for series in group.series if rules_truth(part, series)] for part in parts]
    for part, series in zip(parts, held, strict=True):
        if not series:
            return f"{write_rules(part)} found nothing in {count} ({_seen_by(part, group.series)})"
    singly = ", ".join(
        f"{write_rules(part)} in {len(series)}" for part, series in zip(parts, held, strict=True)
    )
    return f"of {count} none has all together ({singly})"


def _seen_by(rules: Rules, series: Sequence[Series]) -> str:
    attributes = list(
        dict.fromkeys(leaf.attribute for leaf in leaves(rules) if not isinstance(leaf, Everything))
    )
    if not attributes:
        return "it refuses everything"
    if len(attributes) == 1:
        return _seen(attributes[0], series)
    return "; ".join(f"{attribute} {_seen(attribute, series)}" for attribute in attributes)


def _seen(attribute: str, series: Sequence[Series]) -> str:
    """The distinct values of an attribute, in the order of the series."""
    values = list(dict.fromkeys(_several(one, attribute) for one in series if one.values(attribute)))
    if not values:
        return "absent"
    more = [f"{len(values) - _MOST_SEEN} more"] if len(values) > _MOST_SEEN else []
    absent = sum(not one.values(attribute) for one in series)
    lacking = [f"absent in {absent}"] if absent else []
    return f"seen: {', '.join([*values[:_MOST_SEEN], *more, *lacking])}"


def _several(series: Series, attribute: str) -> str:
    return "\\".join(series.values(attribute))


def _why_unchecked(statement: Statement, group: Group) -> str:
    found = {where.called: series for where, series in zip(statement.select.wheres, group.found, strict=True)}
    for joins in (part for check in statement.select.checks for part in conjuncts(check)):
        if taking_part([joins], found) is None:
            sides = dict.fromkeys(
                (side.name, side.attribute) for join in leaves(joins) for side in (join.left, join.right)
            )
            seen = "; ".join(
                f"{name}@{attribute} {_seen(attribute, found[name])}" for name, attribute in sides
            )
            return f"check {write_joins(joins)} holds for no combination of series ({seen})"
    together = " and ".join(write_joins(joins) for joins in statement.select.checks)
    return f"check {together} holds for no combination of series, though each part of it does for one"
