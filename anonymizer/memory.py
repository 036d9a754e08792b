"""What has been read before, so that the same bytes are understood once."""

from __future__ import annotations

from collections.abc import Mapping

from anonymizer.piece_reader import PieceReader
from anonymizer.pieces import NotSure
from anonymizer.stored import Value
from anonymizer.wire import META, Encoding, read

__all__ = ["Memory"]


class Memory:
    """The readers of one thread, each of which remembers.

    It holds identified values, at most some 10 MiB of them, for as long as it lives, and shows nothing of them.
    """

    __slots__ = ("_meta", "_readers")

    def __init__(self) -> None:
        self._readers: dict[Encoding, PieceReader] = {}
        self._meta = PieceReader(META)

    def file_meta(self, data: bytes) -> Mapping[int, Value]:
        """The values of file meta information by tag; raises as `wire.read` does."""
        try:
            parts, at = self._meta.parts(data, 0)
        except NotSure:
            at = -1
        if at != len(data):
            return {element.tag: element.value for element in read(data, META)}
        return {piece.tag: piece.value for part in parts for piece in part.pieces}

    def reader(self, encoding: Encoding) -> PieceReader:
        """The reader of data sets of one encoding."""
        reader = self._readers.get(encoding)
        if reader is None:
            reader = self._readers[encoding] = PieceReader(encoding)
        return reader

    def __repr__(self) -> str:
        return "Memory(<not shown>)"

    def __reduce__(self) -> str:
        raise TypeError("a Memory is not pickled: it stays in this process")
