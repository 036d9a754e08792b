"""Where elements begin and end in little endian, without a look at what is in them."""

from __future__ import annotations

import struct
from typing import Final

from anonymizer.pieces import NotSure
from anonymizer.wire import LONG_VRS, NESTING_LIMIT, SHORT_VRS, implicit_vr

__all__ = ["ITEM", "ITEM_END", "SHORT_HEAD", "UNDEFINED", "Heads", "half_word", "item_head", "word"]

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
# Of an element in implicit VR, or explicit with a length of sixteen bits: written there is one way to write it.
SHORT_HEAD: Final = 8

# Of bytes, from a place on: group, number and length of an item, or of an element in implicit VR; and single numbers.
item_head = struct.Struct("<HHI").unpack_from
word = struct.Struct("<I").unpack_from
half_word = struct.Struct("<H").unpack_from
_explicit_head = struct.Struct("<HH2sH").unpack_from


class Heads:
    """Reads the heads of elements of one encoding; `struct.error` and `KeyError` tell of what is none."""

    def __init__(self, *, implicit: bool) -> None:
        self._implicit = implicit

    def head(self, data: bytes, at: int) -> tuple[int, str, int, int]:
        """Tag, VR, where the value starts, and how long it is told to be."""
        if self._implicit or data[at : at + 2] == b"\xfe\xff":
            group, number, length = item_head(data, at)
            tag = group << 16 | number
            return tag, implicit_vr(tag), at + 8, length
        group, number, code, length = _explicit_head(data, at)
        vr = SHORT_VRS.get(code)
        if vr is not None:
            return group << 16 | number, vr, at + 8, length
        return group << 16 | number, LONG_VRS[code], at + 12, word(data, at + 8)[0]

    def end(self, data: bytes, at: int, vr: str, depth: int) -> int:
        """Where a value of undefined length, which starts at `at`, and its delimiter end.

        Raises
        ------
        NotSure
            It has no items, or they nest deeper than `NESTING_LIMIT`.
        """
        # Within UN all is implicit VR (PS3.5 6.2.2 note 4).
        return (_IN_UNKNOWN if vr == "UN" else self)._end_of_items(data, at, depth)

    def _end_of_items(self, data: bytes, at: int, depth: int) -> int:
        if depth > NESTING_LIMIT:
            raise NotSure
        while True:
            group, number, length = item_head(data, at)
            tag = group << 16 | number
            at += 8
            if tag == _SEQUENCE_END:
                return at
            if tag != ITEM:
                raise NotSure
            if length != UNDEFINED:
                at += length
                continue
            while tag != ITEM_END:
                tag, vr, at, length = self.head(data, at)
                if length == UNDEFINED:
                    at = self.end(data, at, vr, depth + 1)
                elif tag != ITEM_END:
                    at += length


_IN_UNKNOWN: Final = Heads(implicit=True)
