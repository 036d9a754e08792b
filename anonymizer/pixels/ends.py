"""Lines of text followed to their ends, in a second look at the surroundings of what a first look has found.

What a first look leaves is the end of a line, over a background of nearly its own brightness. Near the line, where the
contrast is stretched for the surroundings alone, it is seen. To search the masked image once more does not do: with its
text gone the detector takes the anatomy for text (of 169 made screens it would have blackened a third).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import BurnedInText
from anonymizer.pixels.areas import Mask, Rectangle, covered

__all__ = ["LookAt", "followed"]

# Looks for text in a picture enlarged by a factor.
LookAt: TypeAlias = Callable[[NDArray[np.uint8], float], Iterable[Rectangle]]

_ROUNDS: Final = 3
_LINE_PIXELS: Final = 60.0  # the height to which a line is enlarged
_BESIDE, _ABOVE = 3, 0.5  # surroundings, in heights of the line
_DARKEST, _BRIGHTEST = 2, 99.5  # percentiles: one bright pixel would leave no contrast to the rest
# Found again it is a little larger or smaller; a letter more of a line of ten is a tenth more.
_NEW_SHARE, _SAME_SHARE = 0.1, 0.7


def followed(image: NDArray[np.uint8], found: Iterable[Rectangle], look_at: LookAt) -> tuple[Rectangle, ...]:
    """What was found, and what its surroundings show besides, until they show no more.

    Parameters
    ----------
    image : uint8, shape (rows, columns, 3)

    Raises
    ------
    BurnedInText
        After three looks there still is more.
    """
    every = list(found)
    mask = covered(every, image.shape[:2])
    lines = _distinct(every)
    for _ in range(_ROUNDS):
        again = [one for line in lines for one in _around(image, line, look_at)]
        more = [one for one in again if _new_share(mask, one) > _NEW_SHARE]
        every += again
        if not more:
            return tuple(every)
        mask |= covered(again, image.shape[:2])
        lines = _distinct(more)
    raise BurnedInText(
        "text_left",
        "Wherever text was found, more was found beside it",
        "Look at it; add a device rule, or send it masked.",
        "(7FE0,0010)",
    )


def _around(image: NDArray[np.uint8], line: Rectangle, look_at: LookAt) -> Iterable[Rectangle]:
    height = line.bottom - line.top
    beside, above = _BESIDE * height, round(_ABOVE * height)
    left, top = max(line.left - beside, 0), max(line.top - above, 0)
    part = image[top : max(line.bottom + above, 0), left : max(line.right + beside, 0)]
    if not part.size:
        return  # padded beyond the edge of the image, as a whole
    dark, bright = np.percentile(part, (_DARKEST, _BRIGHTEST))
    stretched = ((part - dark) * (255 / max(bright - dark, 1))).clip(0, 255).astype(np.uint8)
    for one in look_at(stretched, _LINE_PIXELS / height):
        yield Rectangle(one.left + left, one.top + top, one.right + left, one.bottom + top)


def _new_share(mask: Mask, one: Rectangle) -> float:
    part = mask[max(one.top, 0) : max(one.bottom, 0), max(one.left, 0) : max(one.right, 0)]
    return float(1 - part.mean()) if part.size else 0.0


def _distinct(rectangles: Iterable[Rectangle]) -> list[Rectangle]:
    """Without those that lie in a larger one for the most part: a line is found at several sizes."""
    kept: list[Rectangle] = []
    for one in sorted(rectangles, key=_area, reverse=True):
        if all(_common(one, other) < _SAME_SHARE * _area(one) for other in kept):
            kept.append(one)
    return kept


def _area(one: Rectangle) -> int:
    return (one.right - one.left) * (one.bottom - one.top)


def _common(one: Rectangle, other: Rectangle) -> int:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0) * max(height, 0)
