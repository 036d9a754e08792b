"""The data set of an object, taken apart as far as it had to be."""

from __future__ import annotations

from dataclasses import dataclass, field

from anonymizer.errors import Unreadable
from anonymizer.pieces import Memory, NotSure, Piece
from anonymizer.stored import OpenFile
from anonymizer.wire import Element, Encoding, read, read_one, tag_path

__all__ = ["DataSet"]


@dataclass(slots=True, repr=False, eq=False)
class DataSet:
    """Elements in ascending order; where it is plain, also as pieces.

    Attributes
    ----------
    before, after
        The pieces before the pixel data, and those after it.
    pixels
        The element of the pixel data, None where there is none; its value is not looked into.
    is_plain
        Whether there are pieces at all: an object that was put together in memory, or that `PieceReader` was not sure
        of, has elements only.
    """

    before: tuple[Piece, ...] = ()
    pixels: Element | None = None
    after: tuple[Piece, ...] = ()
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
            before, at = reader.pieces(data, at)
            if at == len(data):
                return cls(tuple(before))
            pixels, at = read_one(data, at, encoding)
            return cls(tuple(before), pixels, tuple(reader.rest(data, at)))
        except (NotSure, Unreadable):
            return None  # `wire.read` tells what is wrong, if anything is

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
        before, at = reader.pieces(head, at)
        if at == len(head):
            raise NotSure
        tag, vr, start, length = reader.pixel_head(head, at)
        value, at = file.value(start, length, tag_path(tag))
        pixels = Element(tag, vr, value, encapsulated=length is None)
        return cls(tuple(before), pixels, tuple(reader.rest(file.read(at), 0)))

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All pieces."""
        return self.before + self.after if self.after else self.before

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements, values as they were."""
        if self._elements is None:
            pixels = () if self.pixels is None else (self.pixels,)
            before, after = (tuple(one.element for one in part) for part in (self.before, self.after))
            self._elements = before + pixels + after
        return self._elements
