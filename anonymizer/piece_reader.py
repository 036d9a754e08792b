"""Takes data sets apart: what came before, bit for bit, is known at once.

Objects of a series say nearly the same: of 160 elements 150 have the bytes they had in the object before. The reader
expects the parts of that object, and looks first whether the bytes that come are those of the next one. Where they are
not, it reads on piece by piece to where that part ended; what of it is still there stays together, and what is new
stands alone. Every so many objects neighbours are put together that have stayed for so long. So an object costs what is
new in it.

The reader decides nothing; it refuses (`NotSure`) whatever is not plain, and `wire.read` takes it then.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Final

from anonymizer.heads import ITEM, ITEM_END, SHORT_HEAD, UNDEFINED, Heads, half_word, item_head, word
from anonymizer.identity import is_silent, own_uids, own_uids_of, speaks
from anonymizer.pieces import REMEMBERED_BYTES, NotSure, Part, Piece, in_runs
from anonymizer.text import CHARSET_TAG
from anonymizer.unknown import recognised_element
from anonymizer.wire import NESTING_LIMIT, PIXEL_TAGS, Encoding

__all__ = ["PieceReader"]

_MEMORY_BYTES: Final = 4 * 1024 * 1024
_BYTES_PER_PIECE: Final = 400
# Which say nothing by their tag alone, and may hold others.
_OPAQUE_VRS: Final = frozenset({"SQ", "UN"})
_LAST_TAG: Final = 0xFFFFFFFF
_FIRST_PIXEL_TAG: Final = min(PIXEL_TAGS)
_PIXEL_HEADS: Final = tuple(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in PIXEL_TAGS)
# What stays for so many objects will stay for more.
_OBJECTS_TO_STAY: Final = 16


class PieceReader:
    """Takes data sets of one encoding apart."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._known: dict[bytes, Piece] = {}
        self._bytes = 0
        # The parts of the object before, and those of one some objects before that.
        self._expected: Sequence[Part] = ()
        self._lasting: frozenset[Part] = frozenset()
        self._objects = 0
        heads = Heads(implicit=encoding.implicit)
        self._head, self._end = heads.head, heads.end
        # Of a short head: how much comes before the length, and how that is read.
        self._before_length, self._length = (4, word) if encoding.implicit else (6, half_word)

    def parts(self, data: bytes, at: int) -> tuple[Sequence[Part], int]:
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
            parts, at = self._parts(data, at)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        self._expect(parts)
        return parts, at

    def pixel_head(self, data: bytes, at: int) -> tuple[int, str, int, int | None]:
        """Tag and VR of the pixel data at `at`, where its value starts, and how long it is; None if undefined."""
        try:
            tag, vr, start, length = self._head(data, at)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        return tag, vr, start, None if length == UNDEFINED else length

    def rest(self, data: bytes, at: int) -> list[Piece]:
        """The elements of `data` from `at` on, behind pixel data; raises as `parts` does."""
        try:
            pieces, at = self._elements(data, at, len(data), 0)
        except (struct.error, KeyError) as error:
            raise NotSure from error
        if at < len(data) or (pieces and pieces[0].tag <= max(PIXEL_TAGS)):
            raise NotSure
        return pieces

    def _parts(self, data: bytes, at: int) -> tuple[list[Part], int]:
        parts: list[Part] = []
        append, is_at = parts.append, data.startswith
        for part in self._expected:
            if is_at(part.raw, at):
                append(part)
                at += len(part.raw)
                continue
            other = self._another(part, data, at, len(data)) if isinstance(part, Piece) else None
            if other is not None:
                append(other)
                at += len(other.raw)
            else:
                stretch, at = self._elements(
                    data, at, len(data), 0, part.pieces, last=part.tags[-1], above=_last(parts)
                )
                parts += _divided(stretch, part)
        if at < len(data) and not (is_at(_PIXEL_HEADS, at) and _last(parts) < _FIRST_PIXEL_TAG):
            stretch, at = self._elements(data, at, len(data), 0, above=_last(parts))
            parts += in_runs(stretch)
        return parts, at

    def _another(self, like: Piece, data: bytes, at: int, end: int) -> Piece | None:
        """Another value of the same attribute, which is what mostly comes where one differs; None for anything else.

        What is known of all values is taken from the piece that came before.
        """
        if like.size_of_head != SHORT_HEAD:
            return None
        before_length = self._before_length
        if not data.startswith(like.raw[:before_length], at):
            return None
        (length,) = self._length(data, at + before_length)
        stop = at + SHORT_HEAD + length
        if stop > end:
            return None
        raw = data[at:stop]
        piece = self._known.get(raw)
        if piece is None:
            piece = Piece(like.tag, like.vr, raw, self._encoding, SHORT_HEAD)
            piece.speaks = like.speaks
            if like.vr == "UI":
                piece.uids = own_uids_of(raw[SHORT_HEAD:])
            self._remember(piece)
        return piece

    def _expect(self, parts: list[Part]) -> None:
        self._expected = parts
        self._objects += 1
        if self._objects % _OBJECTS_TO_STAY == 0:
            self._expected = list(_put_together(parts, self._lasting))
            self._lasting = frozenset([one for one in self._expected if len(one.raw) <= REMEMBERED_BYTES])

    def _elements(
        self,
        data: bytes,
        at: int,
        end: int,
        depth: int,
        expected: Sequence[Piece] = (),
        *,
        above: int = -1,
        last: int = _LAST_TAG,
        delimited: bool = False,
    ) -> tuple[list[Piece], int]:
        """Elements from `at` to `end`, their tags above one and up to another; and where they ended."""
        pieces: list[Piece] = []
        known, append, is_at = self._known, pieces.append, data.startswith
        index, count = 0, len(expected)
        while at < end:
            while index < count and is_at(expected[index].raw, at):
                piece = expected[index]
                append(piece)
                above = piece.tag
                at += len(piece.raw)
                index += 1
            if at >= end or above == last:
                break
            another = self._another(expected[index], data, at, end) if index < count else None
            if another is not None:
                append(another)
                above = another.tag
                at += len(another.raw)
                index += 1
                continue
            tag, vr, start, length = self._head(data, at)
            if tag > last:
                break
            if tag == ITEM_END and delimited:
                return pieces, start
            if tag <= above or tag >> 16 == 0xFFFE:
                raise NotSure
            if tag in PIXEL_TAGS:
                if depth:
                    raise NotSure
                return pieces, at
            stop = start + length if length != UNDEFINED else self._end(data, start, vr, depth)
            if stop > end:
                raise NotSure
            raw = data[at:stop]
            found = known.get(raw)
            if found is None:
                like = expected[index] if index < count else None
                found = self._new(tag, vr, raw, start - at, depth, like, undefined=length == UNDEFINED)
            append(found)
            at, above = stop, tag
            while index < count and expected[index].tag <= tag:
                index += 1
        if delimited or at > end:
            raise NotSure
        return pieces, at

    def _new(
        self, tag: int, vr: str, raw: bytes, head: int, depth: int, like: Piece | None, *, undefined: bool
    ) -> Piece:
        is_plain = vr not in _OPAQUE_VRS and not undefined
        piece = Piece(tag, vr, raw, self._encoding, head if is_plain else 0)
        if is_plain:
            piece.speaks = vr == "PN" or not is_silent(tag)
            if vr == "UI":
                piece.uids = own_uids_of(raw[head:])
        elif (
            vr != "SQ" or tag >> 16 & 1 or not self._look_into(piece, head, depth, like, undefined=undefined)
        ):
            self._look_at(piece, depth)
        self._remember(piece)
        return piece

    def _remember(self, piece: Piece) -> None:
        length = len(piece.raw)
        if length <= REMEMBERED_BYTES and self._bytes < _MEMORY_BYTES:
            self._known[piece.raw] = piece
            self._bytes += length + _BYTES_PER_PIECE

    def _look_at(self, piece: Piece, depth: int) -> None:
        known = recognised_element(piece.element, self._encoding)
        if depth and known.items is not None:
            raise NotSure  # how deep all sequences nest together is counted elsewhere
        piece.speaks = speaks(known)
        piece.uids = own_uids(known)

    def _look_into(self, piece: Piece, at: int, depth: int, like: Piece | None, *, undefined: bool) -> bool:
        """Take a sequence apart into pieces of its own; False where it must be treated as a whole.

        That is where an item has a character set of its own, or anything else that is not plain.
        """
        items: list[tuple[Piece, ...]] = []
        expected = like.items[0] if like is not None and like.items and like.tag == piece.tag else ()
        end = len(piece.raw) - 8 if undefined else len(piece.raw)
        try:
            while at < end:
                expected, at = self._item(piece.raw, at, end, depth + 1, expected)
                items.append(expected)
        except NotSure:
            if depth:
                raise
            return False
        piece.items = tuple(items)
        for item in items:
            for one in item:
                if one.speaks:
                    piece.speaks = True
                if one.uids:
                    piece.uids |= one.uids
        return True

    def _item(
        self, raw: bytes, at: int, end: int, depth: int, expected: Sequence[Piece]
    ) -> tuple[tuple[Piece, ...], int]:
        group, number, length = item_head(raw, at)
        at += 8
        stop = end if length == UNDEFINED else at + length
        if group << 16 | number != ITEM or stop > end or depth > NESTING_LIMIT:
            raise NotSure
        pieces, at = self._elements(raw, at, stop, depth, expected, delimited=length == UNDEFINED)
        if pieces and pieces[0].tag <= CHARSET_TAG and any(one.tag == CHARSET_TAG for one in pieces):
            raise NotSure
        return tuple(pieces), at


def _last(parts: Sequence[Part]) -> int:
    """The last tag of the parts, -1 if there is none."""
    return parts[-1].tags[-1] if parts else -1


def _divided(pieces: list[Piece], before: Part) -> Iterable[Part]:
    """What is there in place of a part: what was in it stays together, what is new stands alone."""
    if len(pieces) < 2:
        return pieces
    together = groupby(pieces, frozenset(before.pieces).__contains__)
    return chain.from_iterable(in_runs(stretch) if was_there else stretch for was_there, stretch in together)


def _put_together(parts: Iterable[Part], lasting: frozenset[Part]) -> Iterator[Part]:
    """The parts of an object, with neighbours in one that were there for long."""
    for is_lasting, stretch in groupby(parts, lasting.__contains__):
        neighbours = tuple(stretch)
        if is_lasting and len(neighbours) > 1:
            yield from in_runs(piece for part in neighbours for piece in part.pieces)
        else:
            yield from neighbours
