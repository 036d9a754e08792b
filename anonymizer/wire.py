"""Bytes to elements and back (PS3.5 chapter 7), strictly: what does not add up is refused, never guessed.

Only the structure is decoded; values stay the bytes they were. pydicom's reader is lenient by design (a short
value, an item that overruns its sequence or a repeated tag pass), which is right for a viewer and wrong for a
gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from struct import Struct
from typing import NamedTuple, TypeAlias

from anonymizer.errors import Unreadable
from anonymizer.stored import Value, loaded
from anonymizer.table import vr_of
from anonymizer.vocabulary import listed

__all__ = [
    "ITEM_LIMIT",
    "ITEM_TAGS",
    "LONG_VRS",
    "META",
    "NESTING_LIMIT",
    "PIXEL_TAGS",
    "SHORT_VRS",
    "Element",
    "Encoding",
    "Items",
    "encoded",
    "implicit_vr",
    "read",
    "read_items",
    "read_one",
    "tag_path",
    "write",
    "write_head",
    "write_items",
]

NESTING_LIMIT = 32
ITEM_LIMIT = 2_000_000

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
# How a value begins that is a sequence: the tag of an item, in little and in big endian.
ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_UNDEFINED = 0xFFFFFFFF
_LONGEST_SHORT = 0xFFFF
_ZEROS = bytes(8)
_LONG = listed(
    """
    OB OD OF OL OV OW SQ SV UC UN UR UT UV
    """
)
_SHORT = listed(
    """
    AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US
    """
)
LONG_VRS = {vr.encode(): vr for vr in _LONG}
SHORT_VRS = {vr.encode(): vr for vr in _SHORT}
_VRS = LONG_VRS | SHORT_VRS
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


class Encoding(NamedTuple):
    """How a data set is encoded: VR implicit or not, little or big endian."""

    implicit: bool
    little: bool


# Of file meta information, whatever follows (PS3.10 7.1).
META = Encoding(implicit=False, little=True)


@dataclass(frozen=True, slots=True)
class Element:
    """One data element.

    Attributes
    ----------
    vr
        As written; for implicit VR as in the data dictionary, ``UN`` where it does not know the tag.
    value
        The value field, without fragments' delimiter; empty for a sequence.
    items
        The items of a sequence, None for anything else.
    encapsulated
        The value is a run of fragments (PS3.5 A.4).
    """

    tag: int
    vr: str
    value: Value = b""
    items: Items | None = None
    encapsulated: bool = False


Items: TypeAlias = tuple[tuple[Element, ...], ...]


def tag_path(tag: int, parent: str = "") -> str:
    """``(gggg,eeee)`` below the path of an item."""
    return f"{parent}({tag >> 16:04X},{tag & 0xFFFF:04X})"


def read(data: bytes, encoding: Encoding) -> tuple[Element, ...]:
    """Decode a data set, in ascending order of tags.

    Values of pixel data are views on `data`, not copies.

    Raises
    ------
    Unreadable
        A value is cut short, a VR is unknown, a tag is repeated, or sequences nest deeper than
        `NESTING_LIMIT`.
    """
    reader = _Reader(data, encoding)
    return reader.elements(0, len(data), "")[0]


def read_one(data: bytes, at: int, encoding: Encoding) -> tuple[Element, int]:
    """Decode the element that begins at `at`, and say where it ends; raises as `read` does."""
    reader = _Reader(data, encoding)
    tag, vr, length, start = reader._head(at, len(data), "")
    return reader._element(tag, vr, length, start, len(data), "", 0)


def read_items(value: bytes, encoding: Encoding) -> Items:
    """Decode the value of a sequence of defined length; raises as `read` does."""
    return _Reader(value, encoding)._items(0, len(value), "", 0, delimited=False)[0]


class _Reader:
    """One pass over the bytes of one data set."""

    def __init__(self, data: bytes, encoding: Encoding) -> None:
        order = "<" if encoding.little else ">"
        self.data = data
        self.view = memoryview(data)
        self.encoding = encoding
        self.items_read = 0
        self.explicit_head = Struct(f"{order}HH2sH").unpack_from
        self.implicit_head = Struct(f"{order}HHI").unpack_from
        self.word = Struct(f"{order}I").unpack_from

    def elements(
        self, at: int, end: int, path: str, *, depth: int = 0, delimited: bool = False
    ) -> tuple[tuple[Element, ...], int]:
        """Elements from `at` to `end`, or to the item delimiter; and where they ended."""
        if depth > NESTING_LIMIT:
            raise _unreadable("nested_too_deep", f"Sequences nest deeper than {NESTING_LIMIT}", path)
        found: dict[int, Element] = {}
        while at < end:
            # Some writers fill the last block of a file with zeros; nothing of it is kept.
            if depth == 0 and self.data[at : at + 8] == _ZEROS and not any(self.data[at:end]):
                break
            tag, vr, length, at = self._head(at, end, path)
            if tag == _ITEM_END and delimited:
                return _ordered(found), at
            if tag in found or tag >> 16 == 0xFFFE:
                raise _unreadable("bad_structure", "A tag is repeated or out of place", tag_path(tag, path))
            found[tag], at = self._element(tag, vr, length, at, end, path, depth)
        if delimited:
            raise _unreadable("truncated", "An item has no end", path)
        return _ordered(found), at

    def _head(self, at: int, end: int, path: str) -> tuple[int, str, int, int]:
        if at + 8 > end:
            raise _unreadable("truncated", "The data set ends inside an element", path)
        if self.encoding.implicit or self.data[at : at + 2] in (b"\xfe\xff", b"\xff\xfe"):
            group, number, length = self.implicit_head(self.data, at)
            tag = group << 16 | number
            return tag, implicit_vr(tag), length, at + 8
        group, number, code, length = self.explicit_head(self.data, at)
        tag = group << 16 | number
        vr = _VRS.get(code)
        if vr is None:
            raise _unreadable("unknown_vr", "The value representation is none of PS3.5", tag_path(tag, path))
        if vr not in _LONG:
            return tag, vr, length, at + 8
        if at + 12 > end:
            raise _unreadable("truncated", "The data set ends inside an element", path)
        return tag, vr, self.word(self.data, at + 8)[0], at + 12

    def _element(
        self, tag: int, vr: str, length: int, at: int, end: int, path: str, depth: int
    ) -> tuple[Element, int]:
        if length == _UNDEFINED:
            return self._undefined(tag, vr, at, end, tag_path(tag, path), depth)
        stop = at + length
        if stop > end:
            raise _unreadable("truncated", "A value is longer than what holds it", tag_path(tag, path))
        # A private sequence is removed as a whole; its inside need not make sense to us.
        if vr == "SQ" and not tag >> 16 & 1:
            items, _ = self._items(at, stop, tag_path(tag, path), depth, delimited=False)
            return Element(tag, vr, items=items), stop
        return Element(tag, vr, self._slice(tag, at, stop, depth)), stop

    def _undefined(self, tag: int, vr: str, at: int, end: int, here: str, depth: int) -> tuple[Element, int]:
        if vr == "SQ":
            items, at = self._items(at, end, here, depth, delimited=True)
            return Element(tag, vr, items=items), at
        if vr == "UN":
            return self._unknown_sequence(tag, at, end, here, depth)
        if vr.startswith("O"):
            stop, after = self._fragments(at, end, here)
            return Element(tag, vr, self._slice(tag, at, stop, depth), encapsulated=True), after
        raise _unreadable("bad_structure", "A value of this kind cannot have an undefined length", here)

    def _slice(self, tag: int, at: int, stop: int, depth: int) -> bytes | memoryview:
        return self.view[at:stop] if depth == 0 and tag in PIXEL_TAGS else self.data[at:stop]

    def _items(self, at: int, end: int, path: str, depth: int, *, delimited: bool) -> tuple[Items, int]:
        items: list[tuple[Element, ...]] = []
        while at < end:
            tag, length, at = self._item_head(at, end, path)
            if tag == _SEQUENCE_END and delimited:
                return tuple(items), at
            self.items_read += 1
            if tag != _ITEM or self.items_read > ITEM_LIMIT:
                raise _unreadable("bad_structure", "Something else than an item lies in a sequence", path)
            below = f"{path}[{len(items)}]"
            if length == _UNDEFINED:
                item, at = self.elements(at, end, below, depth=depth + 1, delimited=True)
            elif at + length > end:
                raise _unreadable("truncated", "An item is longer than its sequence", below)
            else:
                item, at = self.elements(at, at + length, below, depth=depth + 1)
            items.append(item)
        if delimited:
            raise _unreadable("truncated", "A sequence has no end", path)
        return tuple(items), at

    def _unknown_sequence(self, tag: int, at: int, end: int, path: str, depth: int) -> tuple[Element, int]:
        """UN of undefined length is a sequence in implicit VR little endian (PS3.5 6.2.2 note 4)."""
        inner = _Reader(self.data, Encoding(implicit=True, little=True))
        inner.items_read = self.items_read
        items, at = inner._items(at, end, path, depth, delimited=True)
        self.items_read = inner.items_read
        return Element(tag, "UN", items=items), at

    def _fragments(self, at: int, end: int, path: str) -> tuple[int, int]:
        """Where a run of fragments stops, and where the next element starts."""
        while at < end:
            start = at
            tag, length, at = self._item_head(at, end, path)
            if tag == _SEQUENCE_END:
                return start, at
            if tag != _ITEM or length == _UNDEFINED or at + length > end:
                raise _unreadable("truncated", "The fragments of the pixel data do not add up", path)
            at += length
        raise _unreadable("truncated", "The pixel data has no end", path)

    def _item_head(self, at: int, end: int, path: str) -> tuple[int, int, int]:
        if at + 8 > end:
            raise _unreadable("truncated", "A sequence ends inside an item", path)
        group, number, length = self.implicit_head(self.data, at)
        return group << 16 | number, length, at + 8


def write(elements: Iterable[Element], encoding: Encoding) -> list[Value]:
    """Encode elements, which must ascend, as chunks to be joined; sequences get defined lengths."""
    chunks: list[Value] = []
    for element in elements:
        value = element.value
        if element.items is not None:
            value = write_items((encoded(item, encoding) for item in element.items), encoding)
        length = _UNDEFINED if element.encapsulated else len(value)
        chunks.append(write_head(element.tag, element.vr, length, encoding))
        chunks.append(value)
        if element.encapsulated:
            chunks.append(_packers(encoding.little)[0](0xFFFE, 0xE0DD, 0))
    return chunks


def encoded(elements: Iterable[Element], encoding: Encoding) -> bytes:
    """Encode elements in one run of bytes."""
    return b"".join(map(loaded, write(elements, encoding)))


def write_head(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """The head of an element: all but its value."""
    implicit, short, long = _packers(encoding.little)
    if encoding.implicit:
        return implicit(tag >> 16, tag & 0xFFFF, length)
    if length > _LONGEST_SHORT and vr not in _LONG:
        vr = "UN"  # as PS3.5 6.2.2 has it, for the lengths of other VRs have sixteen bits
    if vr in _LONG:
        return long(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return short(tag >> 16, tag & 0xFFFF, vr.encode(), length)


def write_items(items: Iterable[bytes], encoding: Encoding) -> bytes:
    """The value of a sequence whose items have been encoded."""
    head = _packers(encoding.little)[0]
    return b"".join([part for item in items for part in (head(0xFFFE, 0xE000, len(item)), item)])


@cache
def _packers(little: bool) -> tuple[Callable[..., bytes], Callable[..., bytes], Callable[..., bytes]]:
    """How to pack the head of an element: implicit VR; explicit VR, short; explicit VR, long."""
    order = "<" if little else ">"
    return Struct(f"{order}HHI").pack, Struct(f"{order}HH2sH").pack, Struct(f"{order}HH2sHI").pack


def _ordered(found: dict[int, Element]) -> tuple[Element, ...]:
    return tuple(found[tag] for tag in sorted(found))


def implicit_vr(tag: int) -> str:
    """The VR of a tag where none is written, ``UN`` where the data dictionary does not know it."""
    return vr_of(tag) or ("UN" if tag & 0xFFFF else "UL")


def _unreadable(reason: str, text: str, tag: str) -> Unreadable:
    return Unreadable(reason, text, "Ask the sender for the object again, or repair it with dcmtk.", tag)
