"""How quickly a command answers, and how much memory a service takes, at rest and after objects have come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.figure import Budget, Figure
from benchmarks.gateway import send
from benchmarks.objects import CtObjects
from benchmarks.receivers import PYNETDICOM, Receiver, pynetdicom_storescp, ror_serve
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale

__all__ = ["measure"]

_ROR = str(Path(sys.executable).parent / "ror")
_PYTHON = "python -c pass"
# What an allocator keeps or gives back between two looks is no growth with studies.
_FLAT_MIB = 10
_STARTS_PER_ROUND = 5


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """``ror --help`` in seconds; resident memory of `ror serve` in MiB."""
    return [_help(scale), *_memory(scale, folder)]


def _help(scale: Scale) -> Figure:
    def run(*words: str) -> float:
        return seconds(lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL))

    run(_ROR, "--help")
    times = medians(
        {
            "ours": lambda _: run(_ROR, "--help"),
            _PYTHON: lambda _: run(sys.executable, "-c", "pass"),
        },
        scale.rounds * _STARTS_PER_ROUND,
    )
    return Figure("ror --help", times["ours"], "s", _PYTHON, times[_PYTHON], Budget.value(at_most=0.3))


def _memory(scale: Scale, folder: Path) -> list[Figure]:
    objects = CtObjects()
    with ror_serve(folder / "ror") as ours, pynetdicom_storescp(folder / "pynetdicom") as theirs:
        rest = _both(ours, theirs)
        looks = []
        for number in range(2):
            study = objects.write_study(folder / f"sent-{number}", scale.received)
            for receiver in (ours, theirs):
                send(receiver, [study])
            looks.append(_both(ours, theirs))
    (half_ours, half_theirs), (all_ours, all_theirs) = looks
    return [
        _figure("memory of ror serve at rest", rest, Budget.value(at_most=300)),
        _figure(f"memory after {scale.received} objects", looks[0]),
        _figure(f"memory after {2 * scale.received} objects", looks[1]),
        _figure(
            f"growth from {scale.received} to {2 * scale.received} objects",
            (all_ours - half_ours, all_theirs - half_theirs),
            Budget.value(at_most=_FLAT_MIB),
        ),
    ]


def _both(ours: Receiver, theirs: Receiver) -> tuple[float, float]:
    return ours.memory_mib(), theirs.memory_mib()


def _figure(what: str, memory_mib: tuple[float, float], budget: Budget | None = None) -> Figure:
    return Figure(what, memory_mib[0], "MiB", PYNETDICOM, memory_mib[1], budget)
