"""Outlines with their holes as single polygons: the keyhole technique of RT structure sets (PS3.3 C.8.8.6.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ror.results.contours import Outline, Plane, Points, outlines

__all__ = ["keyholed"]

# Beside the centre of a pixel, which is what readers look at: on a line, they do not know inside from outside.
ASIDE = 0.25


def keyholed(plane: Plane) -> list[Points]:
    """Each connected area of the marked pixels as one polygon that goes into its holes and back by the same way.

    A way leads from the upper edge of a hole's first pixel straight up, through marked pixels, to the next edge:
    that of the area, or of a hole above.

    Parameters
    ----------
    plane : bool, shape (rows, columns)

    Returns
    -------
    list of float64, shape (corners, 2)
        (column, row) as in `Outline`, without the first point again.
    """
    found = outlines(plane)
    holes = [number for number, one in enumerate(found) if one.hole]
    if not holes:
        return [one.points for one in found]
    owners = _owners(found, plane.shape)
    polygons = [one.points for one in found]
    # From below: what a hole has taken in goes with it into the one above.
    for number in sorted(holes, key=lambda number: -_top(found[number])[1]):
        column, row = _top(found[number])
        above = row - 1
        while above and plane[above - 1, column]:
            above -= 1
        owner = int(owners[above, column])
        polygons[owner] = _joined(polygons[owner], above, polygons[number], row, column + ASIDE)
    return [polygon for polygon, one in zip(polygons, found, strict=True) if not one.hole]


def _top(outline: Outline) -> tuple[int, int]:
    """(column, row) of the first unmarked pixel of a hole, from the top and then from the left."""
    column, row = outline.points[np.lexsort((outline.points[:, 0], outline.points[:, 1]))[0]]
    return int(column), int(row)


def _owners(found: list[Outline], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Which outline runs along the upper edge of each pixel; shape (rows + 1, columns)."""
    owners = np.full((shape[0] + 1, shape[1]), -1, np.intp)
    for number, outline in enumerate(found):
        here, there = outline.points.astype(int), np.roll(outline.points.astype(int), -1, axis=0)
        for (x, y), (other, same) in zip(here.tolist(), there.tolist(), strict=True):
            if y == same:
                owners[y, min(x, other) : max(x, other)] = number
    return owners


def _joined(outer: Points, outer_row: int, hole: Points, hole_row: int, column: float) -> Points:
    """One polygon out of two, by a way at `column` from a horizontal edge of the one to one of the other."""
    leaving, entering = _edge_at(outer, outer_row, column), _edge_at(hole, hole_row, column)
    way = np.array([(column, outer_row), (column, hole_row)], np.float64)
    around = np.roll(hole, -(entering + 1), axis=0)
    return np.concatenate((outer[: leaving + 1], way, around, way[::-1], outer[leaving + 1 :]))


def _edge_at(polygon: Points, row: int, column: float) -> int:
    """Number of the point at which the horizontal edge through (column, row) begins."""
    following = np.roll(polygon, -1, axis=0)
    along = (polygon[:, 1] == row) & (following[:, 1] == row)
    across = (polygon[:, 0] - column) * (following[:, 0] - column) < 0
    return int(np.flatnonzero(along & across)[0])
