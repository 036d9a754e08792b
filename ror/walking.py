"""The files below a folder, in an order that is always the same, and what they are by their first bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

__all__ = ["HEAD_BYTES", "Found", "Unread", "is_bare", "kind_of", "walk"]

HEAD_BYTES = 132  # preamble and prefix (PS3.10 7.1)
_PREFIX = b"DICM"
# How a data set without preamble begins: a low element of group 0002 or 0008, in little endian (PS3.5 7.1).
_BEGINNINGS = (b"\x02\x00", b"\x08\x00")
# A low element of group 0008 with its VR, in either byte order; not only at the very beginning, as stray bytes occur.
_ELEMENT = re.compile(
    rb"(?:\x08\x00[\x00-\x90]\x00|\x00\x08\x00[\x00-\x90])(?:AE|CS|DA|DT|LO|PN|SH|SQ|ST|TM|UI|UL)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of `size` bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Unread:
    """What is no file to read: a ``link``, something ``special``, or ``not_readable`` for an `error`."""

    path: str
    reason: str
    error: OSError | None = None


def walk(source: Path) -> Iterator[Found | Unread]:
    """The files below a folder, or the one file.

    Links are not followed: what they point to inside is met anyway, and outside is not what was asked for.
    """
    if not source.is_dir():
        stat = source.stat()
        # To open a pipe would wait for somebody to write into it.
        yield Found(str(source), stat.st_size) if S_ISREG(stat.st_mode) else Unread(str(source), "special")
        return
    try:
        with os.scandir(source) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Unread(str(source), "not_readable", error)
        return
    folders = []
    for entry in listed:
        if entry.is_symlink():
            yield Unread(entry.path, "link")
        elif entry.is_dir(follow_symlinks=False):
            folders.append(entry.path)
        elif not entry.is_file(follow_symlinks=False):
            yield Unread(entry.path, "special")
        else:
            try:
                yield Found(entry.path, entry.stat(follow_symlinks=False).st_size)
            except OSError as error:
                yield Unread(entry.path, "not_readable", error)
    for folder in folders:
        yield from walk(Path(folder))


def kind_of(head: bytes) -> str:
    """Empty for what is, or may be, an object by its first `HEAD_BYTES`, else the reason why it is skipped."""
    if not head:
        return "empty"
    return "" if head[128:HEAD_BYTES] == _PREFIX or is_bare(head) else "not_dicom"


def is_bare(head: bytes) -> bool:
    """Whether this looks like a data set without the preamble and prefix that a file has (PS3.10 7.1)."""
    if head[128:HEAD_BYTES] == _PREFIX:
        return False
    return head[:2] in _BEGINNINGS or _ELEMENT.search(head) is not None
