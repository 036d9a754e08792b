"""A data set that is too long for memory: in a file without a name, which is gone when it is closed, or we are."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["SpooledData"]

_BLOCK: Final = 2**20


class SpooledData:
    """The data set of one object, behind the head that makes its file one of PS3.10; identified, so never shown.

    Raises
    ------
    OSError
        The disk refuses, or has less than `most_bytes` free.
    """

    def __init__(self, folder: Path, head: bytes, most_bytes: int) -> None:
        if shutil.disk_usage(folder).free < most_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `close`
        self._data_from, self._length = len(head), -len(head)
        self.append(memoryview(head))

    @property
    def path(self) -> Path:
        """The file, for this process and until it is closed."""
        return Path(f"/proc/self/fd/{self._file.fileno()}")

    def append(self, data: memoryview) -> None:
        """Write more of it."""
        self._length += len(data)
        while data:
            data = data[self._file.write(data) :]

    def close(self) -> None:
        """Let it go."""
        self._file.close()

    def part10(self) -> Iterator[bytes]:
        """The whole file, 1 MiB at a time."""
        return self._blocks(0)

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        return b"".join(self._blocks(self._data_from))

    def _blocks(self, at: int) -> Iterator[bytes]:
        while block := os.pread(self._file.fileno(), _BLOCK, at):
            at += len(block)
            yield block
