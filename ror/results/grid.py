"""Put a label map onto the grid of its series: axes and voxels that differ are repaired, other places refused."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ror.archive.geometry import Stack

__all__ = ["AnyLabels", "GridMismatch", "check_size", "onto_grid"]

AnyLabels: TypeAlias = NDArray[Any]
Matrix: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

# Files keep affines in single precision, and some in quaternions: errors of 1e-3 mm. A mistake (corner for
# centre of a voxel, an off-by-one crop, a resampled grid) moves a corner by half a voxel at least.
TOLERANCE_VOXELS = 0.1
# A mask of voxels half as large in each direction is resampled; finer ones are more likely a mistake.
MOST_VOXELS = 8


class GridMismatch(ValueError):
    """A label map lies on another grid than its series; the message names both."""


def onto_grid(array: AnyLabels, affine_ras: Matrix, grid: Stack, *, part: bool = False) -> AnyLabels:
    """Put a label map onto the grid of its series.

    Axes are reordered and flipped. A grid of other voxels that fills the same box is resampled: each voxel of the
    series takes the value of the nearest one.

    Parameters
    ----------
    array : shape (i, j, k)
        In the axes of its file.
    affine_ras : float64, shape (4, 4)
        Maps (i, j, k, 1) to millimetres in RAS.
    part
        Whether it may be a part of the grid of its series, with nothing around it. Only where each plane says where
        it lies: whoever crops an array and forgets its affine would get it into the wrong place.

    Returns
    -------
    array
        Shape (slices, rows, columns) of `grid`, C-contiguous; the same values at the same places.

    Raises
    ------
    GridMismatch
        Axes are turned or sheared, the boxes differ, or voxels of the same size are shifted by a tenth of one.
    """
    target = np.array(grid.affine_ras)
    extent = grid.shape[::-1]
    mismatch = GridMismatch(
        f"lies on another grid than its series: the mask has {_describe(array.shape, affine_ras)}; "
        f"the series has {_describe(extent, target)}"
    )
    if array.ndim != 3 or not np.isfinite(affine_ras).all() or abs(np.linalg.det(affine_ras[:3, :3])) < 1e-12:
        raise mismatch
    to_target = np.linalg.solve(target, affine_ras)
    axes = np.abs(to_target[:3, :3]).argmax(axis=1)
    if sorted(axes) != [0, 1, 2]:
        raise mismatch
    turned = array.transpose([int(axis) for axis in axes])
    steps, starts = to_target[np.arange(3), axes], to_target[:3, 3]
    if np.abs(np.abs(steps) - 1).max() * max(extent) < TOLERANCE_VOXELS:
        steps, starts = np.sign(steps), np.rint(starts)
    straight = np.eye(4)
    straight[:3] = 0
    straight[np.arange(3), axes], straight[:3, 3] = steps, starts
    if _largest_shift(target @ (straight - to_target), array.shape) > TOLERANCE_VOXELS * min(grid.spacing_mm):
        raise mismatch
    taken = [
        _nearest(size, float(step), float(start), wanted, part)
        for size, step, start, wanted in zip(turned.shape, steps, starts, extent, strict=True)
    ]
    if any(one is None for one in taken):
        raise mismatch
    return _taken(turned, [one for one in taken if one is not None])


def check_size(shape: tuple[int, ...], grid: Stack) -> None:
    """Refuse a mask that says it is huge, before it is unpacked.

    Raises
    ------
    GridMismatch
        More than eight times the voxels of the series.
    """
    if math.prod(shape) > MOST_VOXELS * math.prod(grid.shape):
        slices, rows, columns = grid.shape
        raise GridMismatch(
            f"lies on another grid than its series: the mask has {' x '.join(map(str, shape))} voxels, "
            f"the series {columns} x {rows} x {slices} (columns, rows, slices)"
        )


def _nearest(size: int, step: float, start: float, wanted: int, part: bool) -> Indices | None:
    """Along one axis: which voxel of the mask lies nearest to each of the series.

    Parameters
    ----------
    size
        Voxels of the mask.
    step, start
        Its voxel n lies at ``start + n * step`` in voxels of the series.
    wanted
        Voxels of the series.

    Returns
    -------
    int, shape (wanted,), or None
        -1 where there is nothing. None when the mask does not fill the same box.
    """
    places = (np.arange(wanted) - start) / step
    nearest: Indices = np.rint(places).astype(np.intp)
    if abs(step) == 1.0:
        held = (nearest >= 0) & (nearest < size)
        fits = held.sum() == size and (part or size == wanted)
        nearest[~held] = -1
        return nearest if fits else None
    low, high = sorted((start - step / 2, start + (size - 0.5) * step))
    # Resamplers keep the corner of the box, or the centre of its first voxel.
    if max(abs(low + 0.5), abs(high - (wanted - 0.5))) > max(1.0, abs(step)):
        return None
    return nearest.clip(0, size - 1)


def _taken(turned: AnyLabels, indices: list[Indices]) -> AnyLabels:
    """The voxels of a mask (columns, rows, slices) at `indices` of each axis, as (slices, rows, columns)."""
    for axis, index in enumerate(indices):
        size = turned.shape[axis]
        if np.array_equal(index, np.arange(size)):
            continue
        if np.array_equal(index, np.arange(size)[::-1]):  # a view: copied once, at the end
            turned = np.flip(turned, axis)
            continue
        turned = turned.take(index.clip(0), axis)
        outside = [slice(None)] * axis + [index < 0]
        turned[tuple(outside)] = 0
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
