"""The files of a folder, and which of them are nothing to de-identify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ror.deid.tally import Outcome, Undone
from ror.walking import HEAD_BYTES, Found, is_bare, kind_of, walk

__all__ = ["chunks", "looked_over", "no_file_of_an_object", "not_readable", "skipped"]

_CHUNK_FILES = 64
_CHUNK_BYTES = 256 * 2**20
_CHUNKS_PER_JOB = 4

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


def _files(source: Path) -> Iterator[Found | Undone]:
    for one in walk(source):
        if isinstance(one, Found):
            yield one
        elif one.error is not None:
            yield not_readable(one.path, one.error)
        else:
            yield skipped(one.path, one.reason)


def looked_over(source: Path) -> int:
    """How many files there are."""
    return sum(1 for _one in walk(source))


def chunks(source: Path, total: int, jobs: int) -> Iterator[tuple[Found, ...] | Undone]:
    """Files by handfuls for a worker: neighbours stay together, for objects of one series share work."""
    most = max(1, min(_CHUNK_FILES, total // (jobs * _CHUNKS_PER_JOB)))
    chunk: list[Found] = []
    for one in _files(source):
        if isinstance(one, Undone):
            yield one
            continue
        chunk.append(one)
        if len(chunk) >= most or sum(each.size for each in chunk) >= _CHUNK_BYTES:
            yield tuple(chunk)
            chunk = []
    if chunk:
        yield tuple(chunk)


def no_file_of_an_object(path: str) -> Undone | None:
    """Why a file cannot come out, told by its first bytes; None for one that may."""
    with Path(path).open("rb") as file:
        head = file.read(HEAD_BYTES)
    if kind := kind_of(head):
        return skipped(path, kind)
    if is_bare(head):
        what = "It looks like a DICOM data set without file meta information (PS3.10 7.1)"
        advice = (
            "Make a file of it with dcmtk, `dcmconv -f FILE NEW`, look whether NEW is right, and run again."
        )
        return Undone(path, Outcome.REFUSED, "not_part10", what, advice)
    return None


def skipped(path: str, reason: str) -> Undone:
    """A file that is nothing to de-identify."""
    return Undone(path, Outcome.SKIPPED, reason, *_SKIPPED[reason])


def not_readable(path: str, error: OSError) -> Undone:
    """A file or folder that the system does not let be read."""
    what = f"It cannot be read: {error.strerror or type(error).__name__}"
    advice = "Run as a user who may read it, or copy it again from a sound medium."
    return Undone(path, Outcome.REFUSED, "not_readable", what, advice)
