"""Memory for the data sets of one association, which is used again for each."""

from __future__ import annotations

import mmap
from typing import Final

__all__ = ["MOST_BYTES", "Room"]

MOST_BYTES: Final = 8 * 2**20
"""What is longer goes to disk."""
# Most objects need no more; memory that is new with each object costs more than what is written into it.
_KEPT_BYTES: Final = 2**20


class Room:
    """Takes one data set of at most `MOST_BYTES`, and has memory for as much as has come."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MOST_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.whole = memoryview(self._memory)
        self.used = 0

    @property
    def data(self) -> memoryview:
        """What has come, until it is cleared."""
        return self.whole[: self.used]

    def append(self, data: memoryview) -> None:
        """Take more; there must be room for it."""
        end = self.used + len(data)
        self.whole[self.used : end] = data
        self.used = end

    def clear(self) -> None:
        """Begin anew, and keep little memory."""
        if self.used > _KEPT_BYTES:
            self._memory.madvise(mmap.MADV_DONTNEED, _KEPT_BYTES)
        self.used = 0
