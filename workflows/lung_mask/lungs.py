"""The two lungs in a chest CT on cubic voxels: threshold, components, closing and filling, left from
right."""

import numpy as np
from airways import airways
from job import Unusable
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

__all__ = ["LEFT", "RIGHT", "find_lungs"]

Mask = NDArray[np.bool_]
Volume = NDArray[np.float32]

LEFT, RIGHT = 1, 2

_COARSE_MM = 4
_SOFT_TISSUE_HU = -300
_BETWEEN_AIR_AND_TISSUE_HU = -500.0
_SMALLEST_ML = 300
_SHARE_OF_A_LUNG = 0.15
# Gas in the bowel is purer air than any lung, however emphysematous.
_PURE_AIR_HU = -975
_CLOSING_MM = 5.0


def find_lungs(hu: Volume, spacing_mm: float) -> NDArray[np.uint8]:
    """Label the lungs, vessels inside them included, trachea and main bronchi not.

    Parameters
    ----------
    hu : float32, shape (right, front, head)
        Cubic voxels in Hounsfield units.

    Returns
    -------
    uint8, same shape
        0 none, 1 left lung, 2 right lung.

    Raises
    ------
    Unusable
        There are no lungs.
    """
    inside = _body(hu, spacing_mm)
    if not inside.any():
        raise Unusable("no body found: nothing in the images is denser than -300 HU")
    threshold = _two_class_threshold(hu[inside][:: max(1, round(_COARSE_MM / spacing_mm)) ** 3])
    print(f"air below {threshold:.0f} HU")
    inside &= hu < threshold
    inside &= ~airways(hu, inside, spacing_mm)
    labels = _left_and_right(_lung_components(hu, inside, spacing_mm), spacing_mm)
    return _closed(labels, spacing_mm)


def _body(hu: Volume, spacing_mm: float) -> Mask:
    """The largest dense part, filled slice by slice, so that lungs which reach the last slice are inside."""
    step = max(1, round(_COARSE_MM / spacing_mm))
    pieces, _ = ndimage.label(ndimage.binary_opening(hu[::step, ::step, ::step] > _SOFT_TISSUE_HU))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    body = (pieces == sizes.argmax()) & (sizes.max() > 0)
    for head in range(body.shape[2]):
        body[:, :, head] = ndimage.binary_erosion(ndimage.binary_fill_holes(body[:, :, head]))
    for axis in range(3):
        body = np.repeat(body, step, axis)
    return body[tuple(slice(size) for size in hu.shape)]


def _two_class_threshold(values: NDArray[np.float32]) -> float:
    """Two-class K-means in one dimension: the middle between the means of the classes it makes.

    It starts between air and tissue, and finds the nearest optimum: where there is little lung, the best two classes
    would be fat and muscle.
    """
    threshold, before = _BETWEEN_AIR_AND_TISSUE_HU, np.inf
    while abs(threshold - before) > 0.5:
        low, high = values[values < threshold], values[values >= threshold]
        if not len(low) or not len(high):
            return threshold
        threshold, before = float(low.mean() + high.mean()) / 2, threshold
    return threshold


def _lung_components(hu: Volume, air: Mask, spacing_mm: float) -> Mask:
    """The largest airy parts: one when the lungs touch, else two."""
    pieces, _ = ndimage.label(air)
    sizes_ml = np.bincount(pieces.ravel()) * spacing_mm**3 / 1000
    sizes_ml[0] = 0
    lungs = np.zeros_like(air)
    total = 0.0
    for label in np.argsort(sizes_ml)[::-1][:4]:
        if sizes_ml[label] <= _SHARE_OF_A_LUNG * sizes_ml.max():
            break
        part = pieces == label
        if np.median(hu[part]) > _PURE_AIR_HU:
            lungs |= part
            total += sizes_ml[label]
    if total < _SMALLEST_ML:
        raise Unusable(
            f"no lungs found: the airy parts inside the body have {total:.0f} mL, lungs have more than "
            f"{_SMALLEST_ML} mL; is this a chest CT?"
        )
    return lungs


def _left_and_right(lungs: Mask, spacing_mm: float) -> NDArray[np.uint8]:
    """Tell the lungs apart; where they touch, the line between them runs along the thinnest place."""
    parts, count = ndimage.label(lungs)
    if count != 2:
        parts = _split(lungs, spacing_mm)
    thinned = parts[::4, ::4, ::4]
    centres = [np.nonzero(thinned == part)[0].mean() * 4 for part in range(1, int(parts.max()) + 1)]
    middle = float(np.mean(centres)) if len(centres) > 1 else (lungs.shape[0] - 1) / 2
    side = np.array([0, *(LEFT if centre < middle else RIGHT for centre in centres)], np.uint8)
    return side[parts]


def _split(lungs: Mask, spacing_mm: float) -> NDArray[np.int32]:
    """Shrink until two large parts are left, then let them grow back; one part when it never falls apart."""
    step = max(1, round(2 / spacing_mm))
    coarse = lungs[::step, ::step, ::step]
    depth_mm = ndimage.distance_transform_edt(coarse) * step * spacing_mm
    for shrink_mm in range(2, 24, 2):
        cores, _ = ndimage.label(depth_mm > shrink_mm)
        sizes = np.bincount(cores.ravel())
        sizes[0] = 0
        first, second = np.argsort(sizes)[::-1][:2] if len(sizes) > 2 else (0, 0)
        if sizes[second] > _SHARE_OF_A_LUNG * sizes.sum():
            seeds = (cores == first) + 2 * (cores == second).astype(np.int32)
            parts = watershed(-depth_mm, seeds, mask=coarse)
            for axis in range(3):
                parts = np.repeat(parts, step, axis)
            return parts[tuple(slice(size) for size in lungs.shape)] * lungs
    return lungs.astype(np.int32)


def _closed(labels: NDArray[np.uint8], spacing_mm: float) -> NDArray[np.uint8]:
    """Close and fill each lung: its vessels and the bays at the hilum belong to it."""
    closed = np.zeros_like(labels)
    margin = int(np.ceil(_CLOSING_MM / spacing_mm)) + 1
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        lung = np.pad(labels[box] == label, margin)
        grown = ndimage.distance_transform_edt(~lung) * spacing_mm <= _CLOSING_MM
        lung = ndimage.distance_transform_edt(grown) * spacing_mm > _CLOSING_MM
        lung = ndimage.binary_fill_holes(lung)[tuple(slice(margin, -margin) for _ in range(3))]
        closed[box][lung & (closed[box] == 0)] = label
    return closed
