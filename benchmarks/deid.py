"""De-identification on one core: objects per second, ours beside dicom-anonymizer and beside a plain copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from dicomanonymizer import anonymize_dicom_file  # type: ignore[import-untyped]

import anonymizer
from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale

__all__ = ["measure"]

T = TypeVar("T")
_OURS, _PEER, _COPY = "anonymizer", "dicom-anonymizer", "plain copy"
_PROFILE = anonymizer.Profile.of()
_KEY = anonymizer.ProjectKey(bytes(range(32)))


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """In memory, Part 10 bytes to Part 10 bytes; and from file to file, not durable."""
    objects = list(CtObjects().study(scale.deidentified))
    in_memory = {
        _OURS: partial(_rate, _ours, objects),
        _PEER: partial(_rate, _theirs, objects),
    }
    files = []
    for number, data in enumerate(objects):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(data)
    from_file_to_file = {
        _OURS: partial(_rate, lambda file: _rewrite(file, _ours), files),
        _COPY: partial(_rate, lambda file: _rewrite(file, bytes), files),
    }
    memory = medians(in_memory, scale.rounds)
    disk = medians(from_file_to_file, scale.rounds)
    return [
        Figure("de-identification in memory", memory[_OURS], "objects/s", _PEER, memory[_PEER]),
        Figure(
            "de-identification, file to file",
            disk[_OURS],
            "objects/s",
            _COPY,
            disk[_COPY],
            Budget.ratio(at_least=0.7),
        ),
    ]


def _ours(data: bytes) -> bytes:
    instance = anonymizer.IdentifiedInstance.from_part10(data)
    research, _report = anonymizer.deidentify(instance, _PROFILE, _KEY)
    return research.to_part10()


def _theirs(data: bytes) -> bytes:
    anonymize_dicom_file(BytesIO(data), written := BytesIO())
    return written.getvalue()


def _rewrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.with_suffix(".out").write_bytes(change(file.read_bytes()))


def _rate(work: Callable[[T], object], items: Iterable[T], _round: int) -> float:
    """Items per second, after one for warming up."""
    first, *rest = items
    work(first)
    return len(rest) / seconds(lambda: [work(one) for one in rest])
