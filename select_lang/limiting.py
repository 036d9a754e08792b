"""Which studies of each patient are looked at: ``from earliest study by StudyDate``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from select_lang.catalogue import Series
from select_lang.distance import moments
from select_lang.ordering import place
from select_lang.tree import StudyLimit

__all__ = ["left_out"]


def left_out(limit: StudyLimit, catalogue: Iterable[Series]) -> frozenset[str]:
    """The StudyInstanceUIDs that a limit leaves out: all but the first or last so many of each patient.

    Studies of the same value come in their own order. One without a value cannot be told to be early or late, and is
    left out.
    """
    studies: dict[str, dict[str, list[Series]]] = {}
    for series in catalogue:
        studies.setdefault(series.patient_id, {}).setdefault(series.study_uid, []).append(series)
    return frozenset().union(*(_left_out_of(limit, of_patient) for of_patient in studies.values()))


def _left_out_of(limit: StudyLimit, studies: dict[str, list[Series]]) -> set[str]:
    keyed = [(key, uid) for uid, series in studies.items() if (key := _key(limit.by, series)) is not None]
    keyed.sort(reverse=limit.latest)
    return set(studies) - {uid for _key, uid in keyed[: limit.number]}


def _key(by: str, series: Sequence[Series]) -> Any:
    """What a study is sorted by: the smallest value in it, and its own place; None without a value."""
    values = [value for one in series for value in moments(one, by)[:1] if value is not None]
    return (min(values), min(place(one) for one in series)) if values else None
