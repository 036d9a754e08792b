"""Looks for a text in raw bytes, in every encoding that it may stand in, whatever its case and accents."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from benchmarks.phi.folding import digits, folded

__all__ = ["Haystack"]

_READ: Final = ("latin-1", "utf-8", "utf-16-le", "utf-16-be")
_WRITTEN: Final = (
    "iso2022_jp", "shift_jis", "euc_jp", "euc_kr", "gb18030", "iso8859_5", "iso8859_7", "koi8_r", "iso8859_2",
    "iso8859_9", "cp1252", "utf-8", "utf-16-le", "utf-16-be",
)  # fmt: skip
_ESCAPE: Final = re.compile(rb"\x1b[$()\-,][^\x1b]?[A-Z@]?")
# UIDs that the package makes: random digits, in which a date of six would be found sooner or later.
_OWN_UID: Final = re.compile(rb"2\.25\.\d{20,}")
_SEPARATED: Final = re.compile(r"[\s.()/+-]+")
_SHORT_NUMBER: Final = 7
_LONG_NUMBER: Final = 8


class Haystack:
    """The bytes of one object, to be searched again and again."""

    def __init__(self, data: bytes) -> None:
        self.raw = _OWN_UID.sub(b"2.25.0", data)
        self._texts = [folded(self.raw.decode(codec, "replace")) for codec in _READ[:2]]
        for codec in _READ[2:]:
            self._texts += [folded(self.raw[odd:].decode(codec, "replace")) for odd in (0, 1)]
        self._numbers = _SEPARATED.sub("", self._texts[0])

    def count(self, pattern: str, *, number: bool = False) -> int:
        """How often a text occurs; a `number` also with other signs between its digits."""
        plain = folded(pattern)
        if plain.isdigit() and len(plain) < _SHORT_NUMBER:
            # So short a number stands inside others by chance.
            alone = re.compile(rf"(?<![\d.]){plain}(?![\d.])")
            return max(len(alone.findall(text)) for text in self._texts)
        found = [text.count(plain) for text in self._texts]
        found += [self.raw.count(written) for written in _spellings(pattern)]
        bare = digits(pattern)
        if number and len(bare) >= _LONG_NUMBER:
            found.append(self._numbers.count(bare))
        return max(found)


@lru_cache(maxsize=4096)
def _spellings(pattern: str) -> frozenset[bytes]:
    """The bytes of a text that is not ASCII, in each encoding that has its letters."""
    if pattern.isascii():
        return frozenset()
    found = set()
    for word in {pattern, pattern.upper(), pattern.lower(), pattern.title()}:
        for codec in _WRITTEN:
            try:
                written = word.encode(codec)
            except UnicodeEncodeError:
                continue
            found.add(_ESCAPE.sub(b"", written) if codec.startswith("iso2022") else written)
    return frozenset(found)
