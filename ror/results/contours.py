"""Outlines of what a mask marks in one slice, along the edges of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Outline", "Plane", "Points", "largest", "outlines"]

Plane: TypeAlias = NDArray[np.bool_]
Points: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outline:
    """One closed polygon.

    Attributes
    ----------
    points : float64, shape (corners, 2)
        (column, row) where (0, 0) is the upper left corner of the upper left pixel, as in SCOORD
        (PS3.3 C.18.6.1.2); without the first point again. Clockwise on the screen around pixels, anticlockwise
        around a hole.
    """

    points: Points = field(repr=False, compare=False)
    hole: bool

    @property
    def area_pixels(self) -> float:
        """What it encloses, holes within it included."""
        x, y = self.points.T
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def outlines(plane: Plane) -> list[Outline]:
    """All outlines of the marked pixels, from the top down.

    Pixels that touch at a corner only are apart, so that no outline touches itself from inside. The areas of the
    outlines less those of the holes are the number of marked pixels.

    Parameters
    ----------
    plane : bool, shape (rows, columns)
    """
    nodes, along_row, along_column = _corners(plane)
    found: list[Outline] = []
    seen = np.zeros(len(nodes), bool)
    for first in range(len(nodes)):
        if seen[first]:
            continue
        walk, here = [first], int(along_row[first])
        while here != first:
            walk.append(here)
            partners = along_column if len(walk) % 2 == 0 else along_row
            here = int(partners[here])
        seen[walk] = True
        row, column = nodes[first]
        # The first corner from the top is the upper left one of a marked pixel, or of a pixel of a hole.
        inside = row < plane.shape[0] and column < plane.shape[1] and bool(plane[row, column])
        points = nodes[walk if inside else walk[::-1]][:, ::-1]
        found.append(Outline(points.astype(np.float64), hole=not inside))
    return found


def largest(plane: Plane) -> Outline | None:
    """The outline that encloses most; None where nothing is marked."""
    return max(
        (one for one in outlines(plane) if not one.hole), key=lambda one: one.area_pixels, default=None
    )


def _corners(plane: Plane) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Where outlines turn, and which corner follows along the row and along the column.

    Returns
    -------
    nodes : shape (corners, 2)
        (row, column), row by row. Where two marked pixels touch at a corner, it is there twice: first for the pixel
        on the left, then for that on the right.
    along_row, along_column : shape (corners,)
        Number of the corner at the other end of the edge.
    """
    padded = np.pad(plane, 1).astype(np.uint8)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    around = upper_left + upper_right + lower_left + lower_right
    touching = (around == 2) & (upper_left == lower_right)
    times = ((around == 1) | (around == 3)).astype(np.intp) + 2 * touching
    rows, columns = np.nonzero(times)
    nodes = np.repeat(np.column_stack((rows, columns)), times[rows, columns], axis=0)
    along_row = _pairs(np.arange(len(nodes)))
    # Down a column, the upper pixel's corner comes first: on the right, where the marked pixels lie like "/".
    second = np.zeros(len(nodes), np.intp)
    second[1:] = (nodes[1:] == nodes[:-1]).all(axis=1)
    leaning = touching[nodes[:, 0], nodes[:, 1]] & (upper_right[nodes[:, 0], nodes[:, 1]] == 1)
    rank = np.where(leaning, 1 - second, second)
    return nodes, along_row, _pairs(np.lexsort((rank, nodes[:, 0], nodes[:, 1])))


def _pairs(order: NDArray[np.intp]) -> NDArray[Any]:
    """Corners follow each other along a line as begin and end of an edge, begin and end …"""
    partner = np.empty_like(order)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner
