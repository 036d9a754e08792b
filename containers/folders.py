"""The output folder of a run: emptied before it, and not let grow beyond its limit."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Growth", "emptied"]

# Often enough that a disk takes a gigabyte or two more at most, and seldom enough for thousands of files.
_LOOK_SECONDS = 1.0
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are (stat(2))


def emptied(folder: Path) -> Path:
    """Remove what is in a folder, so that nothing an earlier run left half-done is taken for a result."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder


class Growth:
    """Watches what folders take of their disk while a program writes into them.

    Counted is what is taken, so a sparse file as little as it has; each look walks through all that there is.
    """

    def __init__(self, limit_mib: int, *folders: Path) -> None:
        self._limit_bytes = limit_mib << 20
        self._folders = folders
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def is_over(self) -> bool:
        """Whether they take more than the limit, as far as was looked lately."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        taken = sum(size for folder in self._folders for size in _sizes(folder))
        # A walk that takes long is not begun again at once.
        self._next_look = time.monotonic() + max(_LOOK_SECONDS, 10 * (time.monotonic() - now))
        return taken > self._limit_bytes


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes on the disk of all below a folder; the program goes on meanwhile, so anything may be gone."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                yield os.lstat(os.path.join(parent, name)).st_blocks * _BLOCK_BYTES  # noqa: PTH118
            except OSError:
                continue
