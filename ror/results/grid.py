"""Put a label map onto the grid of its series: permuted and flipped axes are repaired, others refused."""

from __future__ import annotations

from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ror.archive.geometry import Stack

__all__ = ["AnyLabels", "GridMismatch", "onto_grid"]

AnyLabels: TypeAlias = NDArray[Any]
Matrix: TypeAlias = NDArray[np.float64]

# Files keep affines in single precision, and some in quaternions: errors of 1e-3 mm. A mistake (corner for
# centre of a voxel, an off-by-one crop, a resampled grid) moves a corner by half a voxel at least.
TOLERANCE_VOXELS = 0.1


class GridMismatch(ValueError):
    """A label map lies on another grid than its series; the message names both."""


def onto_grid(array: AnyLabels, affine_ras: Matrix, grid: Stack) -> AnyLabels:
    """Reorder the axes of a label map to those of its series.

    Parameters
    ----------
    array : shape (i, j, k)
        In the axes of its file.
    affine_ras : float64, shape (4, 4)
        Maps (i, j, k, 1) to millimetres in RAS.

    Returns
    -------
    array
        Shape (slices, rows, columns) of `grid`, C-contiguous; the same values at the same places.

    Raises
    ------
    GridMismatch
        No permutation and flip of the axes makes the grids equal to a tenth of a voxel.
    """
    target = np.array(grid.affine_ras)
    slices, rows, columns = grid.shape
    mismatch = GridMismatch(
        f"lies on another grid than its series: the mask has {_describe(array.shape, affine_ras)}; "
        f"the series has {_describe((columns, rows, slices), target)}"
    )
    if array.ndim != 3 or not np.isfinite(affine_ras).all():
        raise mismatch
    to_target = np.linalg.solve(target, affine_ras)
    turn = np.rint(to_target[:3, :3])
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        raise mismatch
    turned = array.transpose([int(axis) for axis in np.abs(turn).argmax(axis=1)])
    if turned.shape != (columns, rows, slices):
        raise mismatch
    flipped = turn.sum(axis=1) < 0
    exact = np.eye(4)
    exact[:3, :3] = turn
    exact[:3, 3] = np.where(flipped, np.array(turned.shape) - 1, 0)
    if _largest_shift(target @ (exact - to_target), array.shape) > TOLERANCE_VOXELS * min(grid.spacing_mm):
        raise mismatch
    turned = np.flip(turned, tuple(axis for axis in range(3) if flipped[axis]))
    # JPEG 2000 encoding, for one, fails on views.
    return np.ascontiguousarray(turned.transpose(2, 1, 0))


def _largest_shift(difference: Matrix, shape: tuple[int, ...]) -> float:
    """Greatest distance (mm) between two affines over the volume; affine, so at a corner."""
    corners = np.array([(*corner, 1) for corner in product(*((0, size - 1) for size in shape))], dtype=float)
    return float(np.linalg.norm((difference @ corners.T)[:3], axis=0).max())


def _describe(shape: tuple[int, ...], affine_ras: Matrix) -> str:
    spacing = " x ".join(f"{size:.4g}" for size in np.linalg.norm(affine_ras[:3, :3], axis=0))
    origin = ", ".join(f"{value:.2f}" for value in affine_ras[:3, 3])
    axes = "".join(_letter(affine_ras[:3, axis]) for axis in range(3))
    size = " x ".join(str(extent) for extent in shape)
    return f"{size} voxels of {spacing} mm, axes {axes}, first voxel at ({origin}) mm"


def _letter(direction: Matrix) -> str:
    """Where an axis points to: R or L, A or P, S or I."""
    axis = int(np.abs(np.nan_to_num(direction)).argmax())
    return ("RL", "AP", "SI")[axis][int(direction[axis] < 0)]
