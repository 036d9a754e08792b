"""Files that survive a crash once they are written, past the page cache where they are long."""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Iterable
from contextlib import closing
from fcntl import F_GETFL, F_SETFL, fcntl
from pathlib import Path
from typing import Final

__all__ = ["DurableFile", "write_durably"]

_BLOCK: Final = 2**20
_ALIGNMENT: Final = 4096
# Shorter ones are written quicker by way of the page cache.
_DIRECT_FROM: Final = 2**17
_DIRECT: Final = getattr(os, "O_DIRECT", 0)  # Linux only
_of_thread = threading.local()


class DurableFile:
    """A new file of about `length` bytes, written piece by piece, and durable when it is finished; its name may not be.

    Nobody reads an object soon after it was filed, so that its pages would only push others out of the cache; without
    them an object of 0.5 MB costs half the processor time. Methods raise OSError where the disk refuses.
    """

    def __init__(self, file: Path, length: int) -> None:
        self._buffer, self._filled = _aligned(), 0
        self._descriptor = _open(file, direct=length >= _DIRECT_FROM)

    def write(self, data: bytes | memoryview) -> None:
        """Add to it; the disk gets it in blocks of 1 MiB."""
        left = memoryview(data)
        while left:
            fits = min(len(left), _BLOCK - self._filled)
            self._buffer[self._filled : self._filled + fits] = left[:fits]
            left = left[fits:]
            self._filled += fits
            if self._filled == _BLOCK:
                _write(self._descriptor, self._buffer)
                self._filled = 0

    def finish(self) -> None:
        """Return when all of it is on disk."""
        pages = self._filled // _ALIGNMENT * _ALIGNMENT
        _write(self._descriptor, self._buffer[:pages])
        if pages < self._filled:
            # Only whole pages can go past the cache. To write one more and cut the file would have the disk read it.
            fcntl(self._descriptor, F_SETFL, fcntl(self._descriptor, F_GETFL) & ~_DIRECT)
            _write(self._descriptor, self._buffer[pages : self._filled])
        os.fsync(self._descriptor)
        self.close()

    def close(self) -> None:
        """Let go of it, whether it is finished or not."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            _free().append(self._buffer)


def write_durably(file: Path, length: int, blocks: Iterable[bytes | memoryview]) -> None:
    """Write a new file of `length` bytes, and return when it is on disk; its name may not be yet.

    Raises
    ------
    OSError
        The disk refuses.
    """
    with closing(DurableFile(file, length)) as durable:
        for block in blocks:
            durable.write(block)
        durable.finish()


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
    """A block of memory that begins with a page, as O_DIRECT wants it; one that this thread is done with, if any."""
    free = _free()
    return free.pop() if free else memoryview(mmap.mmap(-1, _BLOCK))


def _free() -> list[memoryview]:
    found: list[memoryview] | None = getattr(_of_thread, "blocks", None)
    if found is None:
        found = _of_thread.blocks = []
    return found
