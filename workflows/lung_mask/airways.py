"""Trachea and main bronchi: grown from a disc of air at the top, until they would leak into the lungs."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["airways"]

Mask = NDArray[np.bool_]

_AIR_HU = -900
_DISC_MM2 = (60, 900)
_DISC_WIDTH_MM = 40
_SEARCH_MM = 120
_SHORTEST_MM = 15
_GROW_HU = range(-970, -780, 10)
_LARGEST_ML = 150
_LEAK = 1.6


def airways(hu: NDArray[np.float32], inside: Mask, spacing_mm: float) -> Mask:
    """Return the lumen of trachea and main bronchi with its wall; empty when there is no trachea in the
    volume.

    Parameters
    ----------
    hu : float32, shape (right, front, head)
        Cubic voxels in Hounsfield units.
    inside
        The body.

    Notes
    -----
    Region growing with a rising threshold, stopped before the volume explodes (Mori et al., IEEE TMI 2000;
    19: 103-114).
    """
    trachea = _trachea(hu, inside, spacing_mm)
    lumen = np.zeros_like(inside)
    if not trachea.any():
        return lumen
    largest = _LARGEST_ML * 1000 / spacing_mm**3
    before = 0
    for threshold in _GROW_HU:
        pieces, count = ndimage.label((hu < threshold) & inside)
        touched = np.zeros(count + 1, np.bool_)
        touched[pieces[trachea]] = True
        touched[0] = False
        grown = touched[pieces]
        size = int(grown.sum())
        if size > largest or (before > trachea.sum() / 2 and size > _LEAK * before):
            break
        lumen, before = grown, size
    return ndimage.binary_dilation(lumen | trachea, iterations=max(1, round(2 / spacing_mm)))


def _trachea(hu: NDArray[np.float32], inside: Mask, spacing_mm: float) -> Mask:
    """The longest stack of small round discs of air near the midline, in the upper part of the chest."""
    air = (hu < _AIR_HU) & inside
    middle = float(np.mean(np.nonzero(inside.any((1, 2)))[0]))
    found = np.nonzero(air.any((0, 1)))[0]
    discs = np.zeros_like(air)
    if not len(found):
        return discs
    for head in range(max(0, found[-1] + 1 - round(_SEARCH_MM / spacing_mm)), found[-1] + 1):
        pieces, _ = ndimage.label(air[:, :, head])
        areas = np.bincount(pieces.ravel()) * spacing_mm**2
        for label, box in enumerate(ndimage.find_objects(pieces), start=1):
            if _is_disc(areas[label], box, middle, spacing_mm):
                discs[:, :, head] |= pieces == label
    stacks, _ = ndimage.label(discs)
    heights = [part[2].stop - part[2].start for part in ndimage.find_objects(stacks)]
    if not heights or max(heights) * spacing_mm < _SHORTEST_MM:
        return np.zeros_like(air)
    return stacks == int(np.argmax(heights)) + 1


def _is_disc(area_mm2: float, box: tuple[slice, slice], middle: float, spacing_mm: float) -> bool:
    if not _DISC_MM2[0] <= area_mm2 <= _DISC_MM2[1]:
        return False
    width, depth = ((part.stop - part.start) * spacing_mm for part in box)
    off_middle = abs((box[0].start + box[0].stop - 1) / 2 - middle) * spacing_mm
    return max(width, depth) < min(_DISC_WIDTH_MM, 2 * min(width, depth)) and off_middle < _DISC_WIDTH_MM
