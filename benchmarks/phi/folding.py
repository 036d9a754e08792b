"""Text compared whatever its case and accents; written anew here, so that no fault is shared with what is judged."""

from __future__ import annotations

import unicodedata

__all__ = ["digits", "folded", "spelt_out"]

_BARE = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "ß": "ss", "œ": "oe", "ı": "i"})
_LONG = str.maketrans({"ø": "oe", "å": "aa", "ö": "oe", "ä": "ae", "ü": "ue"})


def folded(text: str) -> str:
    """Without case and accents."""
    if text.isascii():
        return text.lower()
    lower = unicodedata.normalize("NFKC", text).lower().translate(_BARE)
    return "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))


def spelt_out(text: str) -> str:
    """``Bjoernulv`` for ``Bjørnulv``."""
    lower = text.lower().translate(_LONG)
    return folded(lower).title()


def digits(text: str) -> str:
    """The digits alone."""
    return "".join(c for c in text if c.isdigit())
