"""The select language: reading a statement, matching one settled study, and evaluating it in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import select_lang
from benchmarks.figure import Budget, Figure
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale

__all__ = ["measure"]

STATEMENT = """
select study
  from study
  where series named "T1w" has
    Modality = MR
    and SeriesDescription regexp "^T1w$"
  also where series named "T2w" has
    Modality = MR
    and SeriesDescription regexp "^T2w$"
  also where series named "FLAIR" has
    Modality = MR
    and SeriesDescription regexp "^FLAIR$"
  also where series named "T1wCE" has
    Modality = MR
    and SeriesDescription regexp "^T1wCE$"
"""
_NAMES = ("T1w", "T2w", "FLAIR", "T1wCE")
_BY_HAND = "a Python loop"


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Milliseconds; the peer is the least that Python can do: a loop written for this one statement."""
    statement = select_lang.read(STATEMENT)
    study = _catalogue(len(_NAMES))
    archive = _catalogue(scale.catalogue)
    assert len(select_lang.evaluate(statement, archive)) == len(_by_hand(archive))
    times = medians(
        {
            "read": lambda _: _mean(lambda: select_lang.read(STATEMENT), 20),
            "study": lambda _: _mean(lambda: select_lang.evaluate(statement, study), 50),
            "archive": lambda _: _mean(lambda: select_lang.evaluate(statement, archive), 1),
            "study by hand": lambda _: _mean(lambda: _by_hand(study), 50),
            "archive by hand": lambda _: _mean(lambda: _by_hand(archive), 1),
        },
        scale.rounds,
    )
    ms = {name: one * 1000 for name, one in times.items()}
    return [
        Figure("select: read and check a statement", ms["read"], "ms", budget=Budget.value(at_most=5)),
        Figure(
            "select: one settled study of 4 series",
            ms["study"],
            "ms",
            _BY_HAND,
            ms["study by hand"],
            Budget.value(at_most=5),
        ),
        Figure(
            f"select: evaluate over {scale.catalogue:,} series",
            ms["archive"],
            "ms",
            _BY_HAND,
            ms["archive by hand"],
        ),
    ]


def _catalogue(count: int) -> list[select_lang.Series]:
    """Studies of four series; every second one has the sequences that the statement wants."""
    series = []
    for number in range(count):
        study = number // len(_NAMES)
        name = _NAMES[number % len(_NAMES)] if study % 2 == 0 else f"localizer {number}"
        attributes = {
            "Modality": ("MR",),
            "SeriesDescription": (name,),
            "SeriesNumber": (str(number % len(_NAMES) + 1),),
            "StudyDate": (f"2015{study % 12 + 1:02}{study % 28 + 1:02}",),
            "StudyTime": ("101500",),
            "NumImages": ("155",),
        }
        series.append(select_lang.Series(f"2.25.{number}", f"1.2.{study}", f"P{study // 2}", attributes))
    return series


def _by_hand(catalogue: Sequence[select_lang.Series]) -> list[str]:
    """The studies that have all four."""
    found: dict[str, set[str]] = {}
    for one in catalogue:
        description = one.attributes["SeriesDescription"][0]
        if one.attributes["Modality"][0] == "MR" and description in _NAMES:
            found.setdefault(one.study_uid, set()).add(description)
    return [study for study, names in found.items() if len(names) == len(_NAMES)]


def _mean(work: Callable[[], object], times: int) -> float:
    """Seconds of one call, as the mean of several."""
    return seconds(lambda: [work() for _ in range(times)]) / times
