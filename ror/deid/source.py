"""The files of a folder, and which of them are nothing to de-identify."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ror.deid.tally import Outcome, Undone

__all__ = ["Found", "chunks", "kind_of", "looked_over", "not_readable", "skipped", "walk"]

_CHUNK_FILES = 64
_CHUNK_BYTES = 256 * 2**20
_CHUNKS_PER_JOB = 4
_PREAMBLE_AND_PREFIX = 132
# How a data set without preamble begins: a low element of group 0002 or 0008, in little endian (PS3.5 7.1).
_BEGINNINGS = (b"\x02\x00", b"\x08\x00")

_SKIPPED = {
    "empty": ("An empty file", "Copy it again if it should be an object."),
    "not_dicom": ("No DICOM file", "Nothing, unless it should be one."),
    "media_directory": (
        "The directory of a medium (DICOMDIR)",
        "Make a new one over the results, with dcmtk's dcmmkdir.",
    ),
    "link": (
        "A symbolic link: none is followed",
        "Run the command over what it points to, with the same key.",
    ),
    "special": ("A device, pipe or socket", "Nothing."),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A file of `size` bytes."""

    path: str
    size: int


def walk(source: Path) -> Iterator[Found | Undone]:
    """The files below a folder, or the one file, in an order that is always the same.

    Links are not followed: what they point to inside is met anyway, and outside is not what was asked for.
    """
    if not source.is_dir():
        yield Found(str(source), source.stat().st_size)
        return
    try:
        with os.scandir(source) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield not_readable(str(source), error)
        return
    folders = []
    for entry in listed:
        if entry.is_symlink():
            yield skipped(entry.path, "link")
        elif entry.is_dir(follow_symlinks=False):
            folders.append(entry.path)
        elif not entry.is_file(follow_symlinks=False):
            yield skipped(entry.path, "special")
        else:
            try:
                yield Found(entry.path, entry.stat(follow_symlinks=False).st_size)
            except OSError as error:
                yield not_readable(entry.path, error)
    for folder in folders:
        yield from walk(Path(folder))


def looked_over(source: Path) -> int:
    """How many files there are."""
    return sum(1 for _one in walk(source))


def chunks(source: Path, total: int, jobs: int) -> Iterator[tuple[Found, ...] | Undone]:
    """Files by handfuls for a worker: neighbours stay together, for objects of one series share work."""
    most = max(1, min(_CHUNK_FILES, total // (jobs * _CHUNKS_PER_JOB)))
    chunk: list[Found] = []
    for one in walk(source):
        if isinstance(one, Undone):
            yield one
            continue
        chunk.append(one)
        if len(chunk) >= most or sum(each.size for each in chunk) >= _CHUNK_BYTES:
            yield tuple(chunk)
            chunk = []
    if chunk:
        yield tuple(chunk)


def kind_of(path: str) -> str:
    """Empty for what is, or may be, an object, else the reason why it is skipped."""
    with Path(path).open("rb") as file:
        head = file.read(_PREAMBLE_AND_PREFIX)
    if not head:
        return "empty"
    return "" if head[128:] == b"DICM" or head[:2] in _BEGINNINGS else "not_dicom"


def skipped(path: str, reason: str) -> Undone:
    """A file that is nothing to de-identify."""
    return Undone(path, Outcome.SKIPPED, reason, *_SKIPPED[reason])


def not_readable(path: str, error: OSError) -> Undone:
    """A file or folder that the system does not let be read."""
    what = f"It cannot be read: {error.strerror or type(error).__name__}"
    advice = "Run as a user who may read it, or copy it again from a sound medium."
    return Undone(path, Outcome.REFUSED, "not_readable", what, advice)
