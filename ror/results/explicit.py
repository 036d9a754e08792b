"""Data elements in explicit VR little endian (PS3.5 7.1.2) as bytes, for sequences of thousands of like items.

pydicom checks each element that it makes and writes it one by one; where all items are alike, that is most of the time
that a segmentation takes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence
from pydicom.tag import Tag

__all__ = ["element", "encoded", "item", "sequence", "uid", "unparsed", "values_in"]

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


def encoded(dataset: Dataset, keyword: str) -> bytes:
    """The items of a sequence as they are written, whether it was taken apart or not; empty where there is none."""
    found = dataset.get_item(keyword) if keyword in dataset else None
    if found is None:
        return b""
    if isinstance(found, RawDataElement):
        return bytes(found.value or b"")
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_sequence(buffer, found, ["utf8"])
    return buffer.getvalue()


def values_in(items: bytes, keyword: str, vr: bytes) -> list[str]:
    """The values of an element in all items and the items within them, in order; its VR has a length of 16 bits.

    Much faster than taking the items apart. Not for elements whose eight bytes of head could be part of a value.
    """
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords are ours
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    found = []
    for match in re.finditer(re.escape(head) + b"(..)", items, re.DOTALL):
        length = int.from_bytes(match[1], "little")
        found.append(items[match.end() : match.end() + length].rstrip(b" \0").decode("ascii", "replace"))
    return found
