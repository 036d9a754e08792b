"""The de-identifier under test, by the profile that projects have as a rule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anonymizer

__all__ = ["deidentifier", "header", "treat_files", "without_memory"]

_PROFILE = anonymizer.Profile.of()
_KEY = anonymizer.ProjectKey(bytes(range(32)))


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


def treat_files(files: Iterable[Path], out: Path) -> None:
    """From file to file, by a new de-identifier."""
    by = deidentifier()
    for file in files:
        research, _report = by.deidentify(anonymizer.read_file(file, by.memory))
        anonymizer.write_file(research, out / file.name)
