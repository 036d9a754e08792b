"""The data set of an object, taken apart as far as it had to be."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from anonymizer.errors import Unreadable
from anonymizer.memory import Memory
from anonymizer.piece_reader import PieceReader
from anonymizer.pieces import NotSure, Part, Piece
from anonymizer.stored import OpenFile
from anonymizer.wire import Element, Encoding, read, read_one, tag_path

__all__ = ["FIRST_BYTES", "GROWTH", "DataSet"]

FIRST_BYTES: Final = 16 * 1024
"""Most headers are shorter; each that is not is read again with `GROWTH` times as much."""
GROWTH: Final = 4


@dataclass(slots=True, repr=False, eq=False)
class DataSet:
    """Elements in ascending order; where it is plain, also as parts.

    Attributes
    ----------
    before, after
        The parts before the pixel data, and those after it.
    pixels
        The element of the pixel data, None where there is none; its value is not looked into.
    is_plain
        Whether there are parts at all: an object that was put together in memory, or that `PieceReader` was not sure
        of, has elements only.
    """

    before: Sequence[Part] = ()
    pixels: Element | None = None
    after: Sequence[Part] = ()
    is_plain: bool = True
    _elements: tuple[Element, ...] | None = field(default=None)

    @classmethod
    def of(cls, elements: tuple[Element, ...]) -> DataSet:
        """A data set of elements."""
        return cls(is_plain=False, _elements=elements)

    @classmethod
    def read(cls, data: bytes, encoding: Encoding, memory: Memory, at: int = 0) -> DataSet:
        """Take the data set apart that begins at `at`; raises as `wire.read` does."""
        return cls._plain(data, encoding, memory, at) or cls.of(read(data[at:], encoding))

    @classmethod
    def _plain(cls, data: bytes, encoding: Encoding, memory: Memory, at: int) -> DataSet | None:
        reader = memory.reader(encoding)
        try:
            before, at = reader.parts(data, at)
            if at == len(data):
                return cls(before)
            tag, vr, start, length = reader.pixel_head(data, at)
            if length is None:
                pixels, at = read_one(data, at, encoding)
            else:
                pixels, at = Element(tag, vr, memoryview(data)[start : start + length]), start + length
            if at > len(data):
                return None
            return cls(before, pixels, reader.rest(data, at) if at < len(data) else ())
        except (NotSure, Unreadable):
            return None  # `wire.read` tells what is wrong, if anything is

    @classmethod
    def read_view(cls, data: memoryview, encoding: Encoding, memory: Memory) -> DataSet:
        """Take the data set apart without copying its pixels, a view of `data`, which must stay as it is.

        Raises
        ------
        NotSure
            It is not plain, or something comes behind its pixel data.
        """
        reader, length = memory.reader(encoding), FIRST_BYTES
        while length < len(data):
            with suppress(NotSure):
                return cls._with_head(bytes(data[:length]), data, reader)
            length *= GROWTH
        return cls._with_head(bytes(data), data, reader)

    @classmethod
    def _with_head(cls, head: bytes, data: memoryview, reader: PieceReader) -> DataSet:
        before, at = reader.parts(head, 0)
        if at == len(data):
            return cls(before)
        if at == len(head):
            raise NotSure
        tag, vr, start, length = reader.pixel_head(head, at)
        if length is None or start + length != len(data):
            raise NotSure
        return cls(before, Element(tag, vr, data[start:]))

    @classmethod
    def read_stored(cls, head: bytes, encoding: Encoding, memory: Memory, at: int, file: OpenFile) -> DataSet:
        """Take the data set apart that begins at `at` in a file of which `head` is the beginning.

        Raises
        ------
        NotSure
            `head` does not reach the pixel data, or what it holds is not plain.
        Unreadable
            The pixel data is cut short.
        """
        reader = memory.reader(encoding)
        before, at = reader.parts(head, at)
        if at == len(head):
            raise NotSure
        tag, vr, start, length = reader.pixel_head(head, at)
        value, at = file.value(start, length, tag_path(tag))
        pixels = Element(tag, vr, value, encapsulated=length is None)
        return cls(before, pixels, reader.rest(file.read(at), 0) if at < file.size else ())

    @property
    def parts(self) -> Sequence[Part]:
        """All parts."""
        return [*self.before, *self.after] if self.after else self.before

    def piece(self, tag: int) -> Piece | None:
        """The piece of a tag that comes before pixel data; None where it is not there."""
        part = self.before[bisect_right(self.before, tag, key=_first_tag) - 1] if self.before else None
        if part is None or tag not in part.tags:
            return None
        return part.pieces[bisect_left(part.tags, tag)]

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements, values as they were."""
        if self._elements is None:
            pixels = () if self.pixels is None else (self.pixels,)
            before, after = (
                tuple([piece.element for part in side for piece in part.pieces])
                for side in (self.before, self.after)
            )
            self._elements = before + pixels + after
        return self._elements


_first_tag = attrgetter("tag")
