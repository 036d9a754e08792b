"""Numbers of a label map: volumes, diameters in the plane of the slices, and how sure the network was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from labels import REGIONS
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, distance

__all__ = ["agreement", "diameters_mm", "entropy", "volumes_mm3"]

_SMALLEST_DIAMETER_MM = 1.0


def volumes_mm3(labels: NDArray[np.uint8], voxel_mm3: float) -> dict[str, float]:
    """Volume of every region, by name."""
    counts = np.bincount(labels.ravel(), minlength=4)
    return {name: round(float(sum(counts[list(values)]) * voxel_mm3), 1) for name, values in REGIONS.items()}


def diameters_mm(region: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> tuple[float, float]:
    """Longest diameter in a slice, and the longest at right angles to it in the same slice.

    As response criteria measure (RANO; Wen, JCO 2010; 28: 1963-1972), but over the whole region's outline. The slice is
    the one with the longest diameter of the largest connected part; 0, 0 where there is none.

    Parameters
    ----------
    region : bool, shape (columns, rows, slices)
    spacing_mm
        Of columns, rows and slices.
    """
    pieces, count = ndimage.label(region, np.ones((3, 3, 3)))
    if not count:
        return 0.0, 0.0
    largest = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    found = (0.0, 0.0)
    for index in np.flatnonzero(largest.any((0, 1))):
        outline = _corners(largest[:, :, index], spacing_mm)
        apart = distance.squareform(distance.pdist(outline))
        longest = float(apart.max())
        if longest > found[0]:
            one, other = np.unravel_index(apart.argmax(), apart.shape)
            along = (outline[other] - outline[one]) / max(longest, _SMALLEST_DIAMETER_MM)
            across = outline @ np.array([-along[1], along[0]])
            found = (longest, float(np.ptp(across)))
    return round(found[0], 1), round(found[1], 1)


def agreement(seen: Sequence[NDArray[np.uint8]], labels: NDArray[np.uint8]) -> dict[str, float]:
    """Mean Dice of what each mirror showed with the result, in percent, by region; 100 where neither has any."""
    shares = {}
    for name, values in REGIONS.items():
        whole = np.isin(labels, values)
        each = [_dice(np.isin(one, values), whole) for one in seen]
        shares[name] = round(100 * float(np.mean(each)), 1)
    return shares


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """How undecided the network was at each voxel: 0 sure, 1 all classes alike."""
    parts = probabilities * np.log(np.maximum(probabilities, 1e-12))
    return np.asarray(-parts.sum(0) / np.log(len(probabilities)), np.float32).clip(0, 1)


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def _corners(plane: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (mm) of the convex outline of a plane's pixels, whose edges belong to them."""
    at = np.argwhere(plane)
    corners = np.concatenate([at + step for step in ((0, 0), (0, 1), (1, 0), (1, 1))]) * spacing_mm[:2]
    try:
        return np.asarray(corners[ConvexHull(corners).vertices])
    except QhullError:
        return np.asarray(corners)
