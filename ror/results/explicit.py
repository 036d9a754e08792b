"""Data elements in explicit VR little endian (PS3.5 7.1.2), as bytes, for sequences of thousands of like items.

pydicom checks each element that it makes and writes it one by one; where all items are alike, that is most of the time
that a segmentation takes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

__all__ = ["element", "item", "sequence", "uid", "unparsed"]

_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
_SEQUENCE = struct.Struct("<HH2s2xI")
_SHORT = struct.Struct("<HH2sH")


def element(keyword: str, vr: bytes, value: bytes) -> bytes:
    """An element whose VR has a length of 16 bits; `value` is padded to an even length by the caller."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords are ours
    return _SHORT.pack(tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def uid(keyword: str, value: str) -> bytes:
    """An element of VR UI."""
    encoded = value.encode("ascii")
    return element(keyword, b"UI", encoded + b"\0" * (len(encoded) % 2))


def item(*elements: bytes) -> bytes:
    """An item of a sequence; `elements` ascend by tag."""
    content = b"".join(elements)
    return _ITEM + struct.pack("<I", len(content)) + content


def sequence(keyword: str, *items: bytes) -> bytes:
    """A sequence of defined length."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords are ours
    content = b"".join(items)
    return _SEQUENCE.pack(tag >> 16, tag & 0xFFFF, b"SQ", len(content)) + content


def unparsed(keyword: str, items: Iterable[bytes]) -> RawDataElement:
    """A sequence for a data set, which is written as it is and taken apart by whoever looks into it."""
    content = b"".join(items)
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords are ours
    return RawDataElement(Tag(tag), "SQ", len(content), content, 0, False, True)
