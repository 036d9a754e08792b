"""Jobs and reasons of ``ror select``, as machines and people get them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import select_lang
from select_lang import Explanation, GroupReason, Match, NameReason, SeriesReason, Statement

__all__ = ["answer_of", "jobs_of", "lines_of", "lines_of_series"]


def jobs_of(statement: Statement, matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Jobs with their ids, and their series by name."""
    return [{"id": select_lang.match_id(statement, one), "series": _by_name(one)} for one in matches]


def _by_name(match: Match) -> dict[str, list[str]]:
    series: dict[str, list[str]] = {}
    for one in match.series:
        series.setdefault(one.name, []).append(one.series_uid)
    return series


def answer_of(statement: Statement, explanation: Explanation) -> dict[str, Any]:
    """What a statement makes of a study, and for every name, series and rule why, for machines."""
    return {
        "statement": select_lang.write(statement),
        "jobs": jobs_of(statement, explanation.matches),
        "sentence": explanation.sentence,
        "groups": [_group(group, explanation) for group in explanation.groups],
    }


def _group(group: GroupReason, explanation: Explanation) -> dict[str, Any]:
    names = [
        {"name": name.name, "series": [_reason(name, one, explanation) for one in name.series]}
        for name in group.names
    ]
    return {"key": group.key, "matched": group.matched, "sentence": group.sentence, "names": names}


def _reason(name: NameReason, series: SeriesReason, explanation: Explanation) -> dict[str, Any]:
    rules = [
        {
            "rule": one.rule,
            "outcome": one.outcome,
            "seen": dict(one.seen),
        }
        for one in series.rules
    ]
    return {
        "series": series.series_uid,
        "study": series.study_uid,
        "became": _became(name, series, explanation),
        "rules": rules,
    }


def _became(name: NameReason, series: SeriesReason, explanation: Explanation) -> str:
    """What became of a series under a name."""
    if not series.held:
        return "does not fit"
    if any(
        (one.name, one.series_uid) == (name.name, series.series_uid)
        for match in explanation.matches
        for one in match.series
    ):
        return "is in a job"
    if not series.went_to:
        return "fits, but its study is left out"
    chosen_elsewhere = f"fits, but went to {' and '.join(series.went_to)}"
    return "fits, but is not chosen" if name.name in series.went_to else chosen_elsewhere


def lines_of(group: GroupReason, explanation: Explanation) -> Iterator[str]:
    """The same of one study or patient, for people."""
    yield f"{group.key}: {group.sentence}"
    for name in group.names:
        yield name.name
        for one in name.series:
            yield f"  {one.series_uid} {_became(name, one, explanation)}"
            yield from (f"    {rule}" for rule in one.rules)


def lines_of_series(series_uid: str, explanation: Explanation) -> Iterator[str]:
    """Of one series, which name it got and which not, and the rules that say so."""
    for group in explanation.groups:
        for name in group.names:
            for one in name.series:
                if one.series_uid == series_uid:
                    yield f"{name.name}: {_became(name, one, explanation)}"
                    yield from (f"  {rule}" for rule in one.rules)
