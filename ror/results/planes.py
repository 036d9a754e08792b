"""Three planes through what was found, as radiologists look at them, whatever the slices of the series are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from ror.archive.geometry import Stack
from ror.results.model import LabelMap, Labels, SourceSeries
from ror.results.pictures import Grey, read_grey

__all__ = ["PlaneView", "three_planes"]

# Its functions say nothing of their types.
_orientations: Any = nibabel.orientations
# Patient's right on the left, the face above, the head above: indices grow to the left, the back, the feet.
VIEWED = ("L", "P", "I")


@dataclass(frozen=True, slots=True)
class PlaneView:
    """One plane of a volume.

    Attributes
    ----------
    name
        Axial, coronal or sagittal: what is nearest where the series is oblique.
    left, top
        The side of the patient (R, L, A, P, H, F) on the left and on top.
    grey, labels : shape (rows, columns)
    row_mm, column_mm
        Distance between rows, and between columns.
    """

    name: str
    left: str
    top: str
    grey: Grey = field(repr=False, compare=False)
    labels: Labels = field(repr=False, compare=False)
    row_mm: float
    column_mm: float


def three_planes(mask: LabelMap, source: SourceSeries) -> Iterator[PlaneView]:
    """The planes in which the largest segment of a mask that is not empty is largest.

    Raises
    ------
    CannotDraw
        The source images cannot be read as pictures.
    """
    assert source.grid is not None  # the mask was read on it
    grey = _as_viewed(np.stack(list(read_grey(source, range(len(source.headers))))), source.grid)
    labels = _as_viewed(mask.labels, source.grid)
    across_mm, back_mm, down_mm = _spacing_as_viewed(source.grid)
    largest = int(mask.voxels[:, 1:].sum(axis=0).argmax()) + 1
    marked = labels == largest
    x, y, z = (int(marked.sum(axis=others).argmax()) for others in ((1, 2), (0, 2), (0, 1)))
    yield PlaneView("Axial", "R", "A", grey[:, :, z].T, labels[:, :, z].T, back_mm, across_mm)
    yield PlaneView("Coronal", "R", "H", grey[:, y].T, labels[:, y].T, down_mm, across_mm)
    yield PlaneView("Sagittal", "A", "H", grey[x].T, labels[x].T, down_mm, back_mm)


def _as_viewed(volume: NDArray[Any], grid: Stack) -> NDArray[Any]:
    """Axes (slices, rows, columns) turned and flipped to (left, back, feet)."""
    viewed: NDArray[Any] = _orientations.apply_orientation(volume.transpose(2, 1, 0), _turn(grid))
    return viewed


def _spacing_as_viewed(grid: Stack) -> tuple[float, float, float]:
    in_file = grid.spacing_mm[::-1]
    axes = [int(axis) for axis in np.argsort(_turn(grid)[:, 0])]
    return in_file[axes[0]], in_file[axes[1]], in_file[axes[2]]


def _turn(grid: Stack) -> NDArray[np.float64]:
    here = _orientations.io_orientation(np.array(grid.affine_ras))
    turn: NDArray[np.float64] = _orientations.ornt_transform(here, _orientations.axcodes2ornt(VIEWED))
    return turn
