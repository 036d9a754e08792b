"""A data set as the bytes of its elements: what came before, bit for bit, is known at once.

Objects of a series say nearly the same: of 160 elements 150 have the bytes they had in the object before. A
`PieceReader` keeps each of them with what is known of it, and looks first whether the bytes that come are those that
came last time. It decides nothing; it refuses (`NotSure`) whatever is not plain, and `wire.read` takes it then.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from anonymizer.identity import is_silent, own_uids, speaks
from anonymizer.text import CHARSET_TAG
from anonymizer.unknown import recognised_element
from anonymizer.vocabulary import listed
from anonymizer.wire import (
    LONG_VRS,
    META,
    NESTING_LIMIT,
    PIXEL_TAGS,
    SHORT_VRS,
    Element,
    Encoding,
    implicit_vr,
    read,
)

__all__ = ["Memory", "NotSure", "Piece", "PieceItems", "PieceReader"]

_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_NO_UIDS: Final[frozenset[str]] = frozenset()
# Numbers and times, which name nobody, unless they stand where somebody should be named.
_SILENT_VRS: Final = listed("AS AT DA DS DT FD FL IS SL SS SV TM UL US UV")
# Longer ones do not come twice as a rule, and would fill the memory.
_REMEMBERED_BYTES: Final = 64 * 1024
_MEMORY_BYTES: Final = 8 * 1024 * 1024
_BYTES_PER_PIECE: Final = 400


class NotSure(Exception):
    """The data set is not plain enough to be taken apart quickly; nothing is said about whether it is right."""


class Piece:
    """The bytes of one element with its head, and what they say whoever's they are. Equal to itself only.

    Attributes
    ----------
    raw
        Head and value as encoded, with delimiters.
    items
        The items of a sequence, if each of its elements can be treated alone; None for anything else.
    speaks
        Whether it says who the object is of or of which kind: how all others are treated depends on it.
    uids
        UIDs in it, at any depth, that the standard did not define.
    size_of_head
        How many bytes of `raw` come before a plain value; 0 where the element has to be read.
    content
        For `anonymizer.content`, which keeps here what it made of it.
    """

    __slots__ = (
        "_element",
        "_encoding",
        "content",
        "items",
        "raw",
        "size_of_head",
        "speaks",
        "tag",
        "uids",
        "vr",
    )

    def __init__(self, tag: int, vr: str, raw: bytes, encoding: Encoding) -> None:
        self.tag = tag
        self.vr = vr
        self.raw = raw
        self.items: PieceItems | None = None
        self.speaks = False
        self.uids = _NO_UIDS
        self.content: bytes | None = None
        self._encoding = encoding
        self.size_of_head = 0
        self._element: Element | None = None

    @property
    def element(self) -> Element:
        """The element as `wire.read` reads it."""
        if self._element is None:
            if self.size_of_head:
                self._element = Element(self.tag, self.vr, self.raw[self.size_of_head :])
            else:
                (self._element,) = read(self.raw, self._encoding)
        return self._element

    def __repr__(self) -> str:
        return f"Piece({self.tag:08X})"


PieceItems: TypeAlias = tuple[tuple[Piece, ...], ...]


class Memory:
    """What has been read before, so that the same bytes are understood once. For one thread at a time.

    It holds identified values, at most some 10 MiB of them, for as long as it lives, and shows nothing of them.
    """

    __slots__ = ("_meta", "_readers")

    def __init__(self) -> None:
        self._readers: dict[Encoding, PieceReader] = {}
        self._meta = PieceReader(META)

    def file_meta(self, data: bytes) -> list[Element]:
        """The elements of file meta information; raises as `wire.read` does."""
        try:
            pieces, at = self._meta.pieces(data, 0)
        except NotSure:
            at = -1
        return [piece.element for piece in pieces] if at == len(data) else list(read(data, META))

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


class PieceReader:
    """Takes data sets of one encoding apart."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._known: dict[bytes, Piece] = {}
        self._bytes = 0
        self._expected: Sequence[Piece] = ()
        self._implicit = self if encoding.implicit else PieceReader(Encoding(implicit=True, little=True))

    def pieces(self, data: bytes, at: int) -> tuple[list[Piece], int]:
        """The elements of `data` from `at` on, ascending, up to its pixel data or its end; and where that is.

        Raises
        ------
        NotSure
            Not plain, not whole, or big endian.
        """
        if not self._encoding.little:
            raise NotSure
        if self._bytes >= _MEMORY_BYTES:
            self._known.clear()
            self._bytes = 0
        try:
            pieces, at = self._elements(data, at, len(data), 0, self._expected)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        self._expected = pieces
        return pieces, at

    def pixel_head(self, data: bytes, at: int) -> tuple[int, str, int, int | None]:
        """Tag and VR of the pixel data at `at`, where its value starts, and how long it is; None if undefined."""
        try:
            tag, vr, start, stop, undefined = self._extent(data, at, 0)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        return tag, vr, start, None if undefined else stop - start

    def rest(self, data: bytes, at: int) -> list[Piece]:
        """The elements of `data` from `at` on, behind pixel data; raises as `pieces` does."""
        try:
            pieces, at = self._elements(data, at, len(data), 0)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        if at < len(data) or (pieces and pieces[0].tag <= max(PIXEL_TAGS)):
            raise NotSure
        return pieces

    def _elements(
        self,
        data: bytes,
        at: int,
        end: int,
        depth: int,
        expected: Sequence[Piece] = (),
        *,
        delimited: bool = False,
    ) -> tuple[list[Piece], int]:
        pieces: list[Piece] = []
        known, append, is_at = self._known, pieces.append, data.startswith
        index, count = 0, len(expected)
        while at < end:
            while index < count and is_at(expected[index].raw, at):
                append(expected[index])
                at += len(expected[index].raw)
                index += 1
            if at >= end:
                break
            last = pieces[-1].tag if pieces else -1
            tag, vr, start, stop, undefined = self._extent(data, at, depth)
            if tag == _ITEM_END and delimited:
                return pieces, stop
            if tag <= last or tag >> 16 == 0xFFFE:
                raise NotSure
            if tag in PIXEL_TAGS:
                if depth:
                    raise NotSure
                return pieces, at
            if stop > end:
                raise NotSure
            raw = data[at:stop]
            append(known.get(raw) or self._new(tag, vr, raw, start - at, depth, undefined=undefined))
            at = stop
            while index < count and expected[index].tag <= tag:
                index += 1
        if delimited or at > end:
            raise NotSure
        return pieces, at

    def _extent(self, data: bytes, at: int, depth: int) -> tuple[int, str, int, int, bool]:
        """Tag, VR, where the value starts, where the element stops, and whether its length is undefined."""
        if self._encoding.implicit or data[at : at + 2] == b"\xfe\xff":
            group, number, length = _implicit_head(data, at)
            tag = group << 16 | number
            vr, start = implicit_vr(tag), at + 8
        else:
            group, number, code, length = _explicit_head(data, at)
            tag, start = group << 16 | number, at + 8
            found = SHORT_VRS.get(code)
            if found is None:
                found = LONG_VRS[code]
                (length,) = _word(data, at + 8)
                start = at + 12
            vr = found
        if length != _UNDEFINED:
            return tag, vr, start, start + length, False
        if tag in PIXEL_TAGS:
            return tag, vr, start, start, True
        inside = self._implicit if vr == "UN" else self
        return tag, vr, start, inside._end_of_items(data, start, depth), True

    def _end_of_items(self, data: bytes, at: int, depth: int) -> int:
        if depth > NESTING_LIMIT:
            raise NotSure
        while True:
            group, number, length = _implicit_head(data, at)
            tag = group << 16 | number
            at += 8
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise NotSure
            if length != _UNDEFINED:
                at += length
                continue
            while tag != _ITEM_END:
                tag, _, _, at, _ = self._extent(data, at, depth + 1)

    def _new(self, tag: int, vr: str, raw: bytes, head: int, depth: int, *, undefined: bool) -> Piece:
        piece = Piece(tag, vr, raw, self._encoding)
        is_opaque = vr == "UN" or (vr == "SQ" and tag >> 16 & 1)
        if vr == "SQ" and not is_opaque:
            if not self._look_into(piece, head, depth, undefined=undefined):
                self._look_at(piece, depth)
        else:
            if not is_opaque and not undefined:
                piece.size_of_head = head
            self._look_at(piece, depth)
        if len(raw) <= _REMEMBERED_BYTES and self._bytes < _MEMORY_BYTES:
            self._known[raw] = piece
            self._bytes += len(raw) + _BYTES_PER_PIECE
        return piece

    def _look_at(self, piece: Piece, depth: int) -> None:
        if piece.vr in _SILENT_VRS and is_silent(piece.tag):
            return
        known = recognised_element(piece.element, self._encoding)
        if depth and known.items is not None:
            raise NotSure  # how deep all sequences nest together is counted elsewhere
        piece.speaks = speaks(known)
        piece.uids = own_uids(known)

    def _look_into(self, piece: Piece, at: int, depth: int, *, undefined: bool) -> bool:
        """Take a sequence apart into pieces of its own; False where it must be treated as a whole.

        That is where an item has a character set of its own, or anything else that is not plain.
        """
        items = []
        end = len(piece.raw) - 8 if undefined else len(piece.raw)
        try:
            while at < end:
                item, at = self._item(piece.raw, at, end, depth + 1)
                items.append(item)
        except NotSure:
            if depth:
                raise
            return False
        piece.items = tuple(items)
        piece.speaks = any(one.speaks for item in items for one in item)
        piece.uids = _NO_UIDS.union(*(one.uids for item in items for one in item if one.uids))
        return True

    def _item(self, raw: bytes, at: int, end: int, depth: int) -> tuple[tuple[Piece, ...], int]:
        group, number, length = _implicit_head(raw, at)
        at += 8
        stop = end if length == _UNDEFINED else at + length
        if group << 16 | number != _ITEM or stop > end or depth > NESTING_LIMIT:
            raise NotSure
        pieces, at = self._elements(raw, at, stop, depth, delimited=length == _UNDEFINED)
        if any(one.tag == CHARSET_TAG for one in pieces):
            raise NotSure
        return tuple(pieces), at


_implicit_head = struct.Struct("<HHI").unpack_from
_explicit_head = struct.Struct("<HH2sH").unpack_from
_word = struct.Struct("<I").unpack_from
