"""Files that survive a crash once they are written, past the page cache where they are long."""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["sync_folder", "write_durably"]

_BLOCK: Final = 2**20
_ALIGNMENT: Final = 4096
# Shorter ones are written quicker by way of the page cache.
_DIRECT_FROM: Final = 2**17
_DIRECT: Final = getattr(os, "O_DIRECT", 0)  # Linux only
_of_thread = threading.local()


def write_durably(file: Path, length: int, blocks: Iterable[bytes | memoryview]) -> None:
    """Write a new file of `length` bytes, and return when it is on disk; its name may not be yet.

    Nobody reads an object soon after it was filed, so that its pages would only push others out of the cache; without
    them an object of 0.5 MB costs half the processor time.

    Raises
    ------
    OSError
        The disk refuses.
    """
    filled, buffer = 0, _aligned()
    descriptor = _open(file, direct=length >= _DIRECT_FROM)
    try:
        for block in blocks:
            left = memoryview(block)
            while left:
                fits = min(len(left), _BLOCK - filled)
                buffer[filled : filled + fits] = left[:fits]
                left, filled = left[fits:], filled + fits
                if filled == _BLOCK:
                    _write(descriptor, buffer)
                    filled = 0
        _write(descriptor, buffer[: -(-filled // _ALIGNMENT) * _ALIGNMENT])
        os.ftruncate(descriptor, length)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(file: Path, *, direct: bool) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    if direct:
        try:
            return os.open(file, flags | _DIRECT, 0o666)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that cannot, which may have made the file
                raise
            file.unlink(missing_ok=True)
    return os.open(file, flags, 0o666)


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _aligned() -> memoryview:
    """A block of memory of this thread that begins with a page, as O_DIRECT wants it."""
    found: memoryview | None = getattr(_of_thread, "block", None)
    if found is None:
        found = _of_thread.block = memoryview(mmap.mmap(-1, _BLOCK))
    return found
