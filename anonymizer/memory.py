"""What has been read before, so that the same bytes are understood once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from anonymizer.piece_reader import PieceReader
from anonymizer.pieces import NotSure
from anonymizer.stored import Value
from anonymizer.wire import META, Encoding, read

__all__ = ["Memory"]

# Of file meta information, behind the preamble and DICM: its first element, which says how long the others are.
_START: Final = 132
_LENGTH_HEAD: Final = b"\x02\0\0\0UL\x04\0"
_AFTER_LENGTH: Final = _START + len(_LENGTH_HEAD) + 4
_GROUP: Final = b"\x02\0"
_LAST: Final = 0x0002FFFF
_LONG_VRS: Final = frozenset({b"OB", b"UN", b"UT", b"OW", b"SQ"})


class Memory:
    """The readers of one thread, each of which remembers.

    It holds identified values, at most some 10 MiB of them, for as long as it lives, and shows nothing of them.
    """

    __slots__ = ("_meta", "_readers")

    def __init__(self) -> None:
        self._readers: dict[Encoding, PieceReader] = {}
        self._meta = PieceReader(META)

    def file_meta(self, data: bytes) -> tuple[Mapping[int, Value], int]:
        """The values of file meta information (PS3.10 7.1) by tag, and where it ends; raises as `wire.read` does.

        Writers get its length wrong, so what it says is right only where an element ends and the group does too.
        """
        told = _AFTER_LENGTH + int.from_bytes(data[_AFTER_LENGTH - 4 : _AFTER_LENGTH], "little")
        is_told = data[_START : _START + len(_LENGTH_HEAD)] == _LENGTH_HEAD and told <= len(data)
        if is_told and data[told : told + 2] != _GROUP:
            with suppress(NotSure):
                parts, at = self._meta.parts(data[_START:told], 0)
                if at == told - _START and parts[-1].tags[-1] <= _LAST:
                    return {piece.tag: piece.value for part in parts for piece in part.pieces}, told
        end = _end(data)
        return {element.tag: element.value for element in read(data[_START:end], META)}, end

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


def _end(data: bytes) -> int:
    """Where group 0002 ends, element by element."""
    at = _START
    while data[at : at + 2] == _GROUP:
        is_long = data[at + 4 : at + 6] in _LONG_VRS
        start = at + (12 if is_long else 8)
        at = start + int.from_bytes(data[at + 8 : start] if is_long else data[at + 6 : start], "little")
    return at
