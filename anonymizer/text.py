"""Text of an object: its character sets (PS3.5 6.1), and words compared whatever their case or accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from pydicom.charset import decode_bytes, encode_string, python_encoding

from anonymizer.errors import Unsupported
from anonymizer.stored import Value
from anonymizer.wire import Element, tag_path

__all__ = [
    "CHARSET_TAG",
    "FIRST_CJK",
    "TEXT_VRS",
    "Charsets",
    "charsets_of",
    "decode",
    "encode",
    "fold",
    "spellings",
    "words",
]

CHARSET_TAG = 0x00080005
# Scripts from here on put no spaces between words, and two letters make a name.
FIRST_CJK = "\u2e80"
TEXT_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_DELIMITERS = {0x5C, 0x0A, 0x0C, 0x0D, 0x09, 0x5E, 0x3D}
_MISSPELT = re.compile(r"ISO[ _-]?(2022[ _-])?IR[ _-]?(\d+)")
_WORD = re.compile(r"[^\W_]+")
# Letters that carry no accent which NFKD could take off.
_PLAIN = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_SPELT_OUT = str.maketrans({"ø": "oe", "ö": "oe", "å": "aa", "ä": "ae", "ü": "ue"})

_UTF_8 = "UTF8"
_MULTI_BYTE = frozenset({_UTF_8, "GB18030", "GBK", "GB2312", "iso_ir_58", "shift_jis", "euc_kr"})

Charsets = tuple[str, ...]


def charsets_of(items: tuple[Element, ...], inherited: Charsets, path: str = "") -> Charsets:
    """Python codecs of a data set or item: its own Specific Character Set, or its parent's.

    Raises
    ------
    Unsupported
        A defined term is none of PS3.3 C.12.1.1.2: its text could not be searched for the patient's name.
    """
    own = next((e.value for e in items if e.tag == CHARSET_TAG), None)
    if own is None:
        return inherited
    terms = [term.strip(b" \0").decode("latin-1") for term in bytes(own).split(b"\\")]
    return tuple(_codec(term, path) for term in terms)


def _codec(term: str, path: str) -> str:
    codec = python_encoding.get(_MISSPELT.sub(_spelt_right, term))
    if codec is None:
        raise Unsupported(
            "character_set",
            "The Specific Character Set is none of the standard's",
            "Correct it at the sender.",
            tag_path(CHARSET_TAG, path),
        )
    return codec


def _spelt_right(match: re.Match[str]) -> str:
    return f"ISO 2022 IR {match.group(2)}" if match.group(1) else f"ISO_IR {match.group(2)}"


def decode(value: Value, charsets: Charsets) -> str:
    """Text of a value; bytes that are none in the character set become U+FFFD.

    Senders that write UTF-8 and say that they write Latin, and the other way round, are read as they wrote: a name
    would not be found by its garbled letters.
    """
    raw = bytes(value)
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if len(charsets) != 1 or b"\x1b" in raw:
        return str(decode_bytes(raw, list(charsets), _DELIMITERS))
    codec = charsets[0]
    if codec in _MULTI_BYTE:
        text = raw.decode(codec, errors="replace")
        return raw.decode("latin-1") if codec == _UTF_8 and not _is_read(text) else text
    return _utf_8(raw) or raw.decode(codec, errors="replace")


def _is_read(text: str) -> bool:
    """Whether any letter beyond ASCII could be read."""
    return any(c > "\x7f" and c != "\ufffd" for c in text)


def _utf_8(raw: bytes) -> str:
    """Text of bytes that are UTF-8, be it cut off inside the last letter; else nothing.

    A byte of 0xC2 or more followed by one of 0x80 to 0xBF is no word in any of the single-byte sets.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        cut_off = fault.end == len(raw) and fault.start > 0 and fault.reason == "unexpected end of data"
        return raw[: fault.start].decode("utf-8") if cut_off and not raw[: fault.start].isascii() else ""


def encode(text: str, charsets: Charsets) -> bytes:
    """Bytes of `text`, padded to an even length; in UTF-8 where a single set lacks a letter, for then it came so."""
    raw = _encoded(text, charsets)
    return raw + b" " * (len(raw) % 2)


def _encoded(text: str, charsets: Charsets) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    if len(charsets) > 1:
        return bytes(encode_string(text, list(charsets)))
    try:
        return text.encode(charsets[0])
    except UnicodeEncodeError:
        return text.encode("utf-8")


def fold(text: str) -> str:
    """Lower case without accents: ``Bjørn`` and ``BJÖRN`` both become ``bjorn``."""
    if text.isascii():
        return text.lower()
    lowered = unicodedata.normalize("NFC", text).casefold().translate(_PLAIN)
    bare = (c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    # Hangul was taken apart like accents, and is put together again.
    return unicodedata.normalize("NFC", "".join(bare))


def spellings(text: str) -> frozenset[str]:
    """The folded word, and the word with its umlauts spelt out: ``muller``, ``mueller``."""
    if text.isascii():
        return frozenset((text.lower(),))
    spelt_out = unicodedata.normalize("NFC", text).casefold().translate(_SPELT_OUT)
    return frozenset((fold(text), fold(spelt_out)))


def words(text: str) -> Iterator[str]:
    """Runs of letters and digits; an underscore ends a word, for names are glued with it."""
    return (match.group() for match in _WORD.finditer(text))
