"""What the header of a CT slice costs in memory, in microseconds of a processor; pixels are not copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

from dicomanonymizer import anonymize_dicom_file  # type: ignore[import-untyped]

import anonymizer
from benchmarks.deid import ours
from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import bests, processor_seconds
from benchmarks.scale import Scale

__all__ = ["measure"]

_SERIES, _PEER = "one series", "dicom-anonymizer"
_BUDGET = Budget.value(at_most=150)
_ROUNDS: Final = 5  # for one of the scale's, since a turn takes a fraction of a second
_PEERS_SHARE: Final = 10  # of the objects, one in so many: it takes a hundred times as long for each
_WITH_ITS_OWN = {
    "no_verify": "… without the second look",
    "counted": "… and what was done counted for its report",
    "patients": "… each of another patient",
    "no_memory": "… anonymizer.deidentify, which remembers nothing",
}


def measure(scale: Scale, _folder: Path) -> list[Figure]:
    """A series by a de-identifier that has seen nothing before, and the same in ways that cost less or more."""
    objects = CtObjects()
    series, patients = list(objects.study(scale.deidentified)), list(objects.patients(scale.deidentified))
    few = series[: max(1, len(series) // _PEERS_SHARE)]
    times = bests(
        {
            _SERIES: partial(_by_new, series),
            "no_verify": partial(_by_new, series, verify=False),
            "counted": partial(_by_new, series, counted=True),
            "patients": partial(_by_new, patients),
            "no_memory": partial(_microseconds, series, ours.without_memory),
            _PEER: partial(_microseconds, few, _theirs),
        },
        scale.rounds * _ROUNDS,
        min,
    )
    ct = f"header of a CT slice, of a series of {len(series)}"
    first = Figure(ct, times[_SERIES], "µs", _PEER, times[_PEER], _BUDGET)
    return [first] + [
        Figure(what, times[name], "µs", _SERIES, times[_SERIES]) for name, what in _WITH_ITS_OWN.items()
    ]


def _by_new(objects: Sequence[bytes], _round: int, *, verify: bool = True, counted: bool = False) -> float:
    by = ours.deidentifier(verify=verify)

    def treat(data: bytes) -> anonymizer.Report:
        return ours.header(data, by)

    def treat_and_count(data: bytes) -> object:
        return treat(data).counts

    return _microseconds(objects, treat_and_count if counted else treat, 0)


def _microseconds(objects: Sequence[bytes], work: Callable[[bytes], object], _round: int) -> float:
    """Of one object, the first included."""

    def treat_all() -> None:
        for data in objects:
            work(data)

    return processor_seconds(treat_all) / len(objects) * 1e6


def _theirs(data: bytes) -> None:
    anonymize_dicom_file(BytesIO(data), BytesIO())
