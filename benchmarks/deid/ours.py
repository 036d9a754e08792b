"""The de-identifier under test, by the profile that projects have as a rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anonymizer

__all__ = ["deidentifier", "header", "treat_files", "without_memory"]

_PROFILE = anonymizer.Profile.of()
_KEY = anonymizer.ProjectKey(bytes(range(32)))
_TOGETHER: Final = 32


def deidentifier(*, verify: bool = True) -> anonymizer.Deidentifier:
    """One that has seen nothing yet."""
    return anonymizer.Deidentifier(_PROFILE, _KEY, verify=verify)


def header(data: bytes, by: anonymizer.Deidentifier) -> anonymizer.Report:
    """Part 10 bytes to the chunks of a research object; pixels stay where they are."""
    instance = anonymizer.IdentifiedInstance.from_part10(data, by.memory)
    research, report = by.deidentify(instance)
    assert research.chunks
    return report


def without_memory(data: bytes) -> anonymizer.Report:
    """The same by the function that remembers nothing."""
    instance = anonymizer.IdentifiedInstance.from_part10(data)
    research, report = anonymizer.deidentify(instance, _PROFILE, _KEY)
    assert research.chunks
    return report


def treat_files(files: Sequence[Path], out: Path) -> None:
    """From file to file, by a new de-identifier; some at a time, as `ror deid run` does."""
    by = deidentifier()
    for start in range(0, len(files), _TOGETHER):
        some = files[start : start + _TOGETHER]
        made = [by.deidentify(anonymizer.read_file(file, by.memory))[0] for file in some]
        for file, research in zip(some, made, strict=True):
            anonymizer.write_file(research, out / file.name)
