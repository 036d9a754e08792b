"""Rectangles of an image, and masks made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mask", "Rectangle", "covered"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, order=True)
class Rectangle:
    """Pixels from `left` and `top` up to, not including, `right` and `bottom`; the first pixel is (0, 0)."""

    left: int
    top: int
    right: int
    bottom: int


def covered(rectangles: Iterable[Rectangle], shape: tuple[int, int]) -> Mask:
    """The pixels of an image of `shape` (rows, columns) that lie in any of the rectangles."""
    mask = np.zeros(shape, np.bool_)
    for one in rectangles:
        mask[max(one.top, 0) : max(one.bottom, 0), max(one.left, 0) : max(one.right, 0)] = True
    return mask
