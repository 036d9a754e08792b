"""A strip of words below a picture: which colour is which segment, and who drew it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ror.results.letters import FONT_FILE
from ror.results.pictures import Color

__all__ = ["legend"]

LINE_PIXELS = 14
FONT_PIXELS = 11
MARGIN_PIXELS = 4
WORDS: Color = (200, 200, 200)
MOST_LINES = 12


def legend(entries: Sequence[tuple[str, Color]], footer: str, width: int) -> NDArray[np.uint8]:
    """Words on black, a line each; names that are too long are cut at the edge, the footer goes on in the next line.

    Parameters
    ----------
    entries
        Names of segments with their colours (sRGB); of more than twelve the rest is counted.
    width
        In pixels.

    Returns
    -------
    uint8, shape (height, width, 3)
    """
    lines = list(entries[:MOST_LINES])
    if len(entries) > MOST_LINES:
        lines.append((f"and {len(entries) - MOST_LINES} more", WORDS))
    font = ImageFont.truetype(FONT_FILE, FONT_PIXELS)
    lines += [(line, WORDS) for line in _folded(footer, font, width - 2 * MARGIN_PIXELS)]
    picture = Image.new("RGB", (width, len(lines) * LINE_PIXELS + MARGIN_PIXELS))
    draw = ImageDraw.Draw(picture)
    for number, (words, color) in enumerate(lines):
        top = number * LINE_PIXELS
        draw.text((MARGIN_PIXELS, top), words, fill=color, font=font)
    return np.asarray(picture)


def _folded(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines of whole words that are no wider, where the words are not."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
