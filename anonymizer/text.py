"""Text of an object: its character sets (PS3.5 6.1), and words compared whatever their case or accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from pydicom.charset import decode_bytes, encode_string, python_encoding

from anonymizer.errors import Unsupported
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


def decode(value: bytes | memoryview, charsets: Charsets) -> str:
    """Text of a value; bytes that are none in the character set become U+FFFD."""
    raw = bytes(value)
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if len(charsets) == 1 and b"\x1b" not in raw:
        return raw.decode(charsets[0], errors="replace")
    return str(decode_bytes(raw, list(charsets), _DELIMITERS))


def encode(text: str, charsets: Charsets) -> bytes:
    """Bytes of `text`, padded to an even length; raises UnicodeEncodeError where the sets lack a letter."""
    raw = text.encode("ascii") if text.isascii() else bytes(encode_string(text, list(charsets)))
    return raw + b" " * (len(raw) % 2)


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
