"""Objects in files (PS3.10): pixel data is copied from file to file, and not loaded.

`read_file` reads the header, however long it is; where the pixel data lies, and whether it is whole, is found out
without reading it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from anonymizer.data_set import FIRST_BYTES, GROWTH
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.memory import Memory
from anonymizer.pieces import NotSure
from anonymizer.stored import OpenFile, StoredValue, shortened

__all__ = ["read_file", "write_file"]

# Between two file systems, or in one that cannot.
_NOT_BETWEEN_THESE: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def read_file(path: Path, memory: Memory | None = None) -> IdentifiedInstance:
    """The object in a file; its pixel data stays there, so the file must stay until the research object is written.

    Memory and errors are those of `IdentifiedInstance.from_part10`. An object that is deflated, or whose header is not
    plain, is loaded whole.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    memory = memory or Memory()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        file = OpenFile(path, descriptor, os.fstat(descriptor).st_size)
        length = FIRST_BYTES
        while length < file.size:
            with suppress(NotSure):
                return IdentifiedInstance.from_part10(file.read(0, length), memory, file)
            length *= GROWTH
        return IdentifiedInstance.from_part10(file.read(0), memory)
    finally:
        os.close(descriptor)


def write_file(research: ResearchInstance, path: Path) -> None:
    """Write a research object; not yet durable, and not whole before this returns.

    Raises
    ------
    OSError
        It cannot be written.
    Unreadable
        The file that it was read from has become shorter.
    """
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        loaded: list[bytes | memoryview] = []
        for chunk in research.chunks:
            if isinstance(chunk, StoredValue):
                _write(loaded, target)
                loaded = []
                _copy(chunk, target)
            else:
                loaded.append(chunk)
        _write(loaded, target)
    finally:
        os.close(target)


def _write(chunks: Sequence[bytes | memoryview], target: int) -> None:
    if not chunks:
        return
    written = os.writev(target, chunks)
    if written < sum(map(len, chunks)):
        left = memoryview(b"".join(chunks))[written:]
        while left:
            left = left[os.write(target, left) :]


def _copy(value: StoredValue, target: int) -> None:
    """Copy within the kernel, which shares the blocks of the file where the file system can."""
    start, left = value.start, value.length
    source = os.open(value.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while left:
            copied = _copy_some(source, target, start, left)
            if not copied:
                raise shortened()
            start, left = start + copied, left - copied
    finally:
        os.close(source)


def _copy_some(source: int, target: int, start: int, length: int) -> int:
    try:
        return os.copy_file_range(source, target, length, start)
    except OSError as error:
        if error.errno not in _NOT_BETWEEN_THESE:
            raise
        return os.sendfile(target, source, start, length)
