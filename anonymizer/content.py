"""What an object says, whatever transfer syntax it says it in: a sender may encode the same object anew.

Orthanc and dcmtk do so whenever their peer accepts another syntax than the one they keep. The content is each
attribute's tag and value (PS3.5 7.1), in ascending order: values in little endian, text without its padding,
sequences by their items. VRs, the two ways to write a length, group lengths and trailing padding are no content.

Pixel data counts as it is encoded: compressed anew, also without loss, it is another object, for frames are not
decoded here. So are numbers written in other digits, and text in another character set.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from struct import Struct
from typing import Final

from anonymizer.data_set import DataSet
from anonymizer.errors import DeidentificationError, Unreadable
from anonymizer.instance import IdentifiedInstance
from anonymizer.key import ProjectKey
from anonymizer.pieces import Part, Piece
from anonymizer.stored import StoredValue, Value, loaded
from anonymizer.table import vr_of
from anonymizer.vocabulary import listed
from anonymizer.wire import ITEM_TAGS, NESTING_LIMIT, Element, Encoding, Items, read_items

__all__ = ["fingerprint", "same_content"]

_WORDS: Final = {
    vr: word
    for word, vrs in {"H": "AT OW SS US", "I": "FL OF OL SL UL", "Q": "FD OD OV SV UV"}.items()
    for vr in vrs.split()
}
_PADDED: Final = listed(
    """
    AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT
    """
)
_NO_CONTENT: Final = frozenset({0x00080001, 0xFFFCFFFC})  # Length to End, Data Set Trailing Padding
_PLAIN: Final = Encoding(implicit=True, little=True)
_VALUE, _FRAGMENTS, _SEQUENCE = range(3)
_head = Struct(
    "<IBQ"
).pack  # tag, kind, then bytes of the value or number of items: no two contents read alike
_count = Struct("<Q").pack


def fingerprint(instance: IdentifiedInstance, key: ProjectKey) -> str:
    """Keyed digest of an object's content, 64 hexadecimal digits: tells a resend without telling what it was."""
    return key.fingerprint(_digest(instance))


def same_content(one: bytes, other: bytes) -> bool:
    """Whether two files (PS3.10) say the same; a file that cannot be read says nothing."""
    try:
        return _digest(IdentifiedInstance.from_part10(one)) == _digest(IdentifiedInstance.from_part10(other))
    except DeidentificationError:
        return False


def _digest(instance: IdentifiedInstance) -> bytes:
    digest = hashlib.sha256()
    data_set, encoding = instance.data_set, instance.encoding
    if data_set.is_plain:
        chunks = _parts(data_set, encoding)
    else:
        chunks = _data_set(data_set.elements, encoding, 0)
    for chunk in chunks:
        for block in chunk.blocks() if isinstance(chunk, StoredValue) else (chunk,):
            digest.update(block)
    return digest.digest()


def _parts(data_set: DataSet, encoding: Encoding) -> Iterator[Value]:
    """As `_data_set`, but of parts that came before what was made of them then."""
    before, after = ([_part(part, encoding) for part in side] for side in (data_set.before, data_set.after))
    pixels = () if data_set.pixels is None else tuple(_element(data_set.pixels, encoding, 0))
    yield _count(sum(number for number, _ in (*before, *after)) + bool(pixels))
    yield b"".join([content for _, content in before])
    yield from pixels
    yield b"".join([content for _, content in after])


def _part(part: Part, encoding: Encoding) -> tuple[int, bytes]:
    """How many elements of a part count, and what they say."""
    if part.content is None:
        if isinstance(part, Piece):
            content = _text(part) or b"".join(map(loaded, _element(part.element, encoding, 0)))
            part.content = int(bool(content)), content
        else:
            each = [_part(piece, encoding) for piece in part.pieces]
            part.content = sum(number for number, _ in each), b"".join([content for _, content in each])
    return part.content


def _text(piece: Piece) -> bytes:
    """As `_element`, for what is text by the data dictionary and nothing else; empty for anything else."""
    if not piece.size_of_head or vr_of(piece.tag) not in _PADDED or not _counts(piece.tag):
        return b""
    value = piece.raw[piece.size_of_head :].rstrip(b" \0")
    return _head(piece.tag, _VALUE, len(value)) + value


def _data_set(elements: tuple[Element, ...], encoding: Encoding, depth: int) -> Iterator[Value]:
    kept = [element for element in elements if _counts(element.tag)]
    yield _count(len(kept))
    for element in kept:
        yield from _element(element, encoding, depth)


def _counts(tag: int) -> bool:
    return bool(tag & 0xFFFF) and tag not in _NO_CONTENT


def _element(element: Element, encoding: Encoding, depth: int) -> Iterator[Value]:
    """What an element says, nothing if it does not count."""
    if not _counts(element.tag):
        return
    items, inside = _items(element, encoding, depth)
    if items:
        yield _head(element.tag, _SEQUENCE, len(items))
        for item in items:
            yield from _data_set(item, inside, depth + 1)
    else:
        value = _value(element, encoding)
        yield _head(element.tag, _FRAGMENTS if element.encapsulated else _VALUE, len(value))
        yield value


def _items(element: Element, encoding: Encoding, depth: int) -> tuple[Items | None, Encoding]:
    """The items of a sequence, and how they are encoded; None for what is none.

    Without a VR, a private sequence is a value that begins with an item. Written with one it must be the same.
    """
    value = element.value
    if element.items is None and (isinstance(value, StoredValue) or value[:4] not in ITEM_TAGS):
        return None, encoding
    if element.items is None and depth >= NESTING_LIMIT:
        return None, encoding
    # Within UN all is implicit VR little endian (PS3.5 6.2.2).
    inside = encoding if element.vr == "SQ" else _PLAIN
    if element.items is not None or element.encapsulated or vr_of(element.tag) not in ("", "SQ"):
        return element.items, inside
    try:
        return read_items(bytes(element.value), inside), inside
    except Unreadable:
        return None, inside


def _value(element: Element, encoding: Encoding) -> Value:
    value = element.value
    if vr_of(element.tag) in _PADDED:
        return bytes(value).rstrip(b" \0")
    word = _WORDS.get(element.vr)
    if encoding.little or word is None or element.encapsulated:
        return value
    words = array(word)
    if len(value) % words.itemsize:
        return value
    words.frombytes(loaded(value))
    words.byteswap()
    return words.tobytes()
