"""Room for objects that are being taken in: who sends faster than they are filed has to wait."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["Room"]

_MOST_BYTES: Final = 256 * 2**20


class Room:
    """Lets in so many objects at once, and no more than 256 MiB of them unless one alone is larger."""

    def __init__(self, objects: int) -> None:
        self._most_objects = objects
        self._objects = 0
        self._bytes = 0
        self._changed = asyncio.Condition()

    async def enter(self, size: int) -> None:
        """Wait until there is room for an object of `size` bytes."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(size))
            self._objects += 1
            self._bytes += size

    async def leave(self, size: int) -> None:
        """One that has entered is done with."""
        async with self._changed:
            self._objects -= 1
            self._bytes -= size
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return not self._objects or (self._objects < self._most_objects and self._bytes + size <= _MOST_BYTES)
