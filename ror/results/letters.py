"""The font of pictures and pages, and what becomes of the letters that it lacks: never a box without a word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

__all__ = ["BOLD", "BOLD_FILE", "FONT_FILE", "FOOTNOTE", "REGULAR", "SPELLED", "any_spelled", "legible"]

# Bitstream Vera, which comes with reportlab and has the letters of western Europe and a few more.
REGULAR, BOLD = "Vera", "VeraBd"
_FONTS = Path(reportlab.__file__).parent / "fonts"
FONT_FILE, BOLD_FILE = _FONTS / f"{REGULAR}.ttf", _FONTS / f"{BOLD}.ttf"
for _font in (REGULAR, BOLD):
    pdfmetrics.registerFont(TTFont(_font, _FONTS / f"{_font}.ttf"))
# It has two Greek letters, as signs; a word of both kinds could not be read.
_GREEK = range(0x0370, 0x0400)
_HELD = frozenset.intersection(
    *(
        # Glyph 0 is the box: the table has letters, too, that the font does not.
        frozenset(letter for letter, glyph in pdfmetrics.getFont(name).face.charToGlyph.items() if glyph)
        for name in (REGULAR, BOLD)
    )
) - frozenset(_GREEK)

SPELLED = "*"
FOOTNOTE = (
    f"{SPELLED} in other letters than it was written: the segmentation and the report have the name itself"
)

# Cyrillic much as GOST 7.79 (system B), Greek as ISO 843, both in letters without marks.
_SPELLINGS = {
    **dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdezijklmnoprstufhcye", strict=True)),
    **{"ё": "jo", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "shh", "ъ": "", "ь": "", "ю": "ju", "я": "ja"},
    **{
        "є": "je",
        "і": "i",
        "ї": "ji",
        "ґ": "g",
        "ђ": "dj",
        "ј": "j",
        "љ": "lj",
        "њ": "nj",
        "ћ": "c",
        "џ": "dz",
    },
    **dict(zip("αβγδεζηικλμνξοπρσςτυφω", "avgdeziiklmnxoprsstyfo", strict=True)),
    **{"θ": "th", "χ": "ch", "ψ": "ps", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ŋ": "ng"},
}


def legible(text: str, meaning: str = "") -> str:
    """A text in the letters of the font; what is not as it was written ends in a mark.

    Parameters
    ----------
    meaning
        The meaning of its code, which stands for a text that cannot be spelled (Chinese, Arabic). Without one, letters
        are given by their number: ``U+809D``.
    """
    text = unicodedata.normalize("NFC", text)
    if _held(text):
        return text
    spelled = "".join(map(_spelled, text))
    if meaning and not (_held(spelled) and spelled.strip()):
        spelled = "".join(map(_spelled, meaning))
    if not (_held(spelled) and spelled.strip()):
        spelled = " ".join(one.strip() if _held(one) else f"U+{ord(one):04X}" for one in _apart(text))
    return f"{spelled}{SPELLED}"


def any_spelled(texts: Iterable[str]) -> bool:
    """Whether a mark is among them, which has to be explained."""
    return any(text.endswith(SPELLED) for text in texts)


def _held(text: str) -> bool:
    return all(ord(one) in _HELD for one in text)


def _spelled(letter: str) -> str:
    """One letter by those of the font, or itself where there is no spelling."""
    if _held(letter):
        return letter
    plain = unicodedata.normalize("NFKD", letter)
    found = "".join(
        one if _held(one) else _SPELLINGS.get(one.lower(), one)
        for one in plain
        if not unicodedata.combining(one)
    )
    return found.capitalize() if letter.isupper() else found


def _apart(text: str) -> list[str]:
    """Runs of letters that the font has, and each of the others."""
    parts: list[str] = []
    for one in text:
        if parts and _held(one) and _held(parts[-1]):
            parts[-1] += one
        else:
            parts.append(one)
    return parts
