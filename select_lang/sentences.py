"""Why there is a job, or none, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from select_lang.catalogue import Match, Series
from select_lang.choosing import Shortfall, counted_and_picked
from select_lang.distance import said
from select_lang.evaluate import Group, looks_at_patients
from select_lang.joining import taking_part
from select_lang.logic import conjuncts, leaves
from select_lang.rules import attributes_of, rules_truth
from select_lang.tree import Level, LineFilter, Rules, Statement, Where
from select_lang.write import write_joins, write_rules, write_source

__all__ = ["group_sentence", "whole_sentence"]

_MOST_SEEN = 5
_VOWELS = "aeiouAEIOU"


def whole_sentence(
    statement: Statement, matches: Sequence[Match], looked_at: int, missed: Sequence[tuple[str, str]]
) -> str:
    """What a statement makes of several studies or patients; `missed`: key and sentence of each without a job."""
    if not looked_at:
        return "there is no series to look at"
    what = "patients" if looks_at_patients(statement) else "studies"
    jobs = f"{len(matches)} job{'' if len(matches) == 1 else 's'} of {looked_at} {what}"
    if not missed:
        return jobs
    key, sentence = missed[0]
    more = f"; and {len(missed) - 1} more without a job" if len(missed) > 1 else ""
    return f"{jobs}; {key}: {sentence}{more}"


def group_sentence(statement: Statement, group: Group, matches: Sequence[Match]) -> str:
    """What a statement makes of one study or patient, and which matches, if any."""
    wheres = statement.select.wheres
    if matches:
        counted = Counter(one.name for match in matches for one in match.series)
        found = f"matched: {', '.join(f'{number} {name}' for name, number in counted.items())}"
        return "; ".join([found, *_left_alone(statement, group, matches)])
    looked_at = {one.study_uid for one in group.series} - group.left_out
    without = f"left out by `from {write_source(statement.select)}`"
    if not looked_at:
        return f"{_studies(len(group.left_out))} {without}"
    told = "; ".join(
        _why_none(where, group, number)
        for number, where in enumerate(wheres)
        if not group.found[number] and where.choice.required
    )
    told = told or _why_not_chosen(statement, group)
    return f"{told} ({_studies(len(group.left_out))} {without})" if group.left_out else told


def _left_alone(statement: Statement, group: Group, matches: Sequence[Match]) -> Iterator[str]:
    """Series that would be jobs of their own, but lack the one that should be closest to them."""
    if statement.level is not Level.SERIES or isinstance(group.kept, Shortfall):
        return
    made = {match.key for match in matches}
    for where, series in zip(statement.select.wheres, group.kept, strict=True):
        alone = [one for one in series if one.uid not in made] if where.choice.closest is None else []
        if alone:
            yield f"{len(alone)} {where.called} without what should be closest to it"


def _studies(number: int) -> str:
    return "the study is" if number == 1 else f"{number} studies are"


def _why_none(where: Where, group: Group, number: int) -> str:
    return f"no series {_is_a(where)}: {_why_nothing(where, group, number)}"


def _why_not_chosen(statement: Statement, group: Group) -> str:
    """Why series that fit their names make no job."""
    short = group.kept if isinstance(group.kept, Shortfall) else None
    if short and short.where:
        return f"{short.where.called}: {short.lacks}"
    if short:
        return short.lacks or _why_unchecked(statement, group)
    each = (
        counted_and_picked(where, found)
        for where, found in zip(statement.select.wheres, group.found, strict=True)
        if found
    )
    alone = [f"{one.where.called}: {one.lacks}" for one in each if isinstance(one, Shortfall) and one.where]
    if alone:
        return "; ".join(alone)
    if not any(group.found):
        return "no series fits"
    return "no series is close to one of the name that it should be closest to"


def _is_a(where: Where) -> str:
    if where.name is None:
        return "fits"
    return f"is {'an' if where.name[0] in _VOWELS else 'a'} {where.name}"


def _why_nothing(where: Where, group: Group, number: int) -> str:
    looked_at = [series for series in group.series if series.study_uid not in group.left_out]
    count = f"{len(looked_at)} series"
    if any(rules_truth(where.rules, series) for series in looked_at):
        return "those that fit went to a name that comes before"
    parts = conjuncts(where.rules)
    held = [[series for series in looked_at if rules_truth(part, series)] for part in parts]
    for part, series in zip(parts, held, strict=True):
        if not series:
            return f"{write_rules(part)} found nothing in {count} ({_seen_by(part, looked_at)})"
    singly = ", ".join(
        f"{write_rules(part)} in {len(series)}" for part, series in zip(parts, held, strict=True)
    )
    return f"of {count} none has all together ({singly})"


def _seen_by(rules: Rules, series: Sequence[Series]) -> str:
    attributes = attributes_of(rules)
    if not attributes:
        filtered = any(isinstance(leaf, LineFilter) for leaf in leaves(rules))
        return "the lines of the series do not match" if filtered else "it refuses everything"
    if len(attributes) == 1:
        return _seen(attributes[0], series)
    return "; ".join(f"{attribute} {_seen(attribute, series)}" for attribute in attributes)


def _seen(attribute: str, series: Sequence[Series]) -> str:
    """The distinct values of an attribute, in the order of the series."""
    values = list(dict.fromkeys(_several(one, attribute) for one in series if said(one, attribute)))
    if not values:
        return "absent"
    more = [f"{len(values) - _MOST_SEEN} more"] if len(values) > _MOST_SEEN else []
    absent = sum(not said(one, attribute) for one in series)
    lacking = [f"absent in {absent}"] if absent else []
    return f"seen: {', '.join([*values[:_MOST_SEEN], *more, *lacking])}"


def _several(series: Series, attribute: str) -> str:
    return "\\".join(said(series, attribute))


def _why_unchecked(statement: Statement, group: Group) -> str:
    wheres = statement.select.wheres
    found = {where.called: series for where, series in zip(wheres, group.found, strict=True) if series}
    for joins in (part for check in statement.select.checks for part in conjuncts(check)):
        if taking_part([joins], found) is None:
            sides = dict.fromkeys(
                (side.name, side.attribute) for join in leaves(joins) for side in (join.left, join.right)
            )
            seen = "; ".join(
                f"{name}@{attribute} {_seen(attribute, found[name])}"
                for name, attribute in sides
                if name in found
            )
            return f"check {write_joins(joins)} holds for no combination of series ({seen})"
    together = " and ".join(write_joins(joins) for joins in statement.select.checks)
    return f"check {together} holds for no combination of series, though each part of it does for one"
