"""Memory of `ror serve` while it receives many small objects: it must not grow with their number."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.figure import Budget, Figure
from benchmarks.gateway import send
from benchmarks.objects import CtObjects
from benchmarks.receivers import Receiver, ror_serve
from benchmarks.scale import Scale

__all__ = ["measure"]

_ROWS = 16
_IN_A_STUDY = 250
_AT_ONCE = 4  # associations
_FIRST = 10  # the first tenth is there to fill what is meant to be kept
# What an allocator keeps or gives back between two looks is no growth with objects.
_FLAT_MIB = 10


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Resident memory after the first tenth of the objects and after all of them, in studies of 250."""
    objects = CtObjects(_ROWS)
    with ror_serve(folder / "ror") as ours:
        first = max(scale.many // _FIRST, _AT_ONCE)
        _send(ours, objects, folder / "first", first)
        before = ours.memory_mib()
        _send(ours, objects, folder / "rest", scale.many - first)
        after = ours.memory_mib()
    return [
        Figure(f"memory after {first} small objects", before, "MiB"),
        Figure(f"memory after {scale.many} small objects", after, "MiB"),
        Figure(
            f"growth from {first} to {scale.many} objects",
            after - before,
            "MiB",
            budget=Budget.value(at_most=_FLAT_MIB),
        ),
    ]


def _send(receiver: Receiver, objects: CtObjects, folder: Path, count: int) -> None:
    """Send so many, each study over an association of its own, four at once."""
    before, sent, number = receiver.held(), 0, 0
    while sent < count:
        studies = []
        for _ in range(_AT_ONCE):
            of_study = min(_IN_A_STUDY, count - sent)
            if of_study:
                studies.append(objects.write_study(folder / str(number), of_study))
                sent, number = sent + of_study, number + 1
        send(receiver, studies)
        for study in studies:
            shutil.rmtree(study)
    arrived = receiver.held() - before
    assert arrived == count, f"{arrived} of {count} objects were filed"
