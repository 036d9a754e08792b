"""A value that stays in its file: pixel data that nobody has to look into is never loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from anonymizer.errors import Unreadable

__all__ = ["OpenFile", "StoredValue", "Value", "loaded", "shortened"]

_BLOCK: Final = 1024 * 1024
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True, repr=False)
class StoredValue:
    """Bytes of a file, from `start` on, `length` of them; the file must stay as it is for as long as they are used.

    Its length is known, and `bytes` reads it.
    """

    path: Path
    start: int
    length: int

    def __len__(self) -> int:
        return self.length

    def __bytes__(self) -> bytes:
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """The bytes in blocks of 1 MiB.

        Raises
        ------
        Unreadable
            The file has become shorter.
        """
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left:
                block = file.read(min(left, _BLOCK))
                if not block:
                    raise shortened()
                left -= len(block)
                yield block


@dataclass(frozen=True, slots=True, repr=False)
class OpenFile:
    """A file of `size` bytes that is open for reading as `descriptor`."""

    path: Path
    descriptor: int
    size: int

    def read(self, start: int, length: int | None = None) -> bytes:
        """Up to `length` bytes from `start` on, or all."""
        if start >= self.size:
            return b""
        return os.pread(self.descriptor, self.size - start if length is None else length, start)

    def value(self, start: int, length: int | None, path: str) -> tuple[StoredValue, int]:
        """The value of the element at the tag path `path`, which starts at `start`, and where the next one would.

        Raises
        ------
        Unreadable
            The file ends before it, or the fragments of a value of undefined length do not add up (PS3.5 A.4).
        """
        if length is not None:
            if start + length > self.size:
                raise _truncated("A value is longer than what holds it", path)
            return StoredValue(self.path, start, length), start + length
        at = start
        while True:
            head = self.read(at, 8)
            size = int.from_bytes(head[4:], "little")
            if len(head) == 8 and head[:4] == _SEQUENCE_END:
                return StoredValue(self.path, start, at - start), at + 8
            if len(head) < 8 or head[:4] != _ITEM or at + 8 + size > self.size:
                raise _truncated("The fragments of the pixel data do not add up", path)
            at += 8 + size


def _truncated(text: str, path: str) -> Unreadable:
    return Unreadable(
        "truncated", text, "Ask the sender for the object again, or repair it with dcmtk.", path
    )


def shortened() -> Unreadable:
    """The error for a file that ends before what was seen in it."""
    return Unreadable("truncated", "The file became shorter while it was read", "Try it again.")


Value: TypeAlias = bytes | memoryview | StoredValue


def loaded(value: Value) -> bytes | memoryview:
    """A value in memory, read if it is not there."""
    return bytes(value) if isinstance(value, StoredValue) else value
