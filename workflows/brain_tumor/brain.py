"""Where the brain is in a T1w volume: deepbet's two networks as OpenVINO IR.

Fisch 2024, Computers in Biology and Medicine 179: 108845; weights of deepbet 1.0.2 (MIT, ``model/brain/LICENSE``).
Made for healthy adults.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gate import BRAIN_ML
from ir import compiled
from job import Unusable
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["already_stripped", "find_brain"]

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

_COARSE, _FINE = 128, 256
_MARGIN = 0.1
_EDGE = 0.02
_TOUCHING = np.ones((3, 3, 3))
_LEAST_ZERO = 0.25
_FOLDER = Path(__file__).parent / "model" / "brain"


def already_stripped(volumes: list[Volume]) -> Mask | None:
    """The brain, where somebody has set all else to exactly 0 in every sequence; None where nobody has.

    Scanners set the air to 0, too: what is larger than any brain is a head. Cubes of 1 mm.
    """
    inside = np.logical_and.reduce([volume != 0 for volume in volumes])
    outside = np.logical_and.reduce([volume == 0 for volume in volumes])
    if outside.mean() < _LEAST_ZERO or (inside | outside).mean() < 0.97:
        return None
    found = np.asarray(ndimage.binary_fill_holes(_largest(inside)))
    return found if found.sum() / 1000 <= BRAIN_ML[1] else None


def find_brain(t1: Volume) -> Mask:
    """Return the mask of the brain.

    Parameters
    ----------
    t1 : float32, shape (right, front, head)
        T1w with the skull, axes within 45 degrees of the patient's.

    Raises
    ------
    Unusable
        The network sees no brain.
    """
    small = _nearest(t1, (_COARSE,) * 3)
    low, high = np.quantile(small, (0.005, 0.995))
    if not high > low:
        raise Unusable("no brain was found: T1w has the same value nearly everywhere")
    coarse = _run("box", small, low, high) > 0.5
    if not coarse.any():
        raise Unusable("no brain was found in T1w")
    box = _box(_largest(coarse), t1.shape)
    fine = _run("brain", _nearest(t1[box], (_FINE,) * 3), low, high)
    mask = np.zeros(t1.shape, np.bool_)
    mask[box] = _nearest(fine, t1[box].shape) > 0.5
    if not mask.any():
        raise Unusable("no brain was found in T1w")
    return np.asarray(ndimage.binary_fill_holes(_largest(mask)))


def _run(name: str, volume: Volume, low: float, high: float) -> Volume:
    """Probability of brain; deepbet's own scale of intensities."""
    scaled = np.clip((volume - low) / (high - low), 0, 1).astype(np.float32)
    scaled = np.float32(0.226) * (scaled - scaled.mean()) / scaled.std(ddof=1) + np.float32(0.449)
    return np.asarray(compiled(_FOLDER / f"{name}.xml")(scaled[None, None])[0][0, 1])


def _box(mask: Mask, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The mask's box in a grid of another shape, a tenth wider on each side."""
    parts = []
    for axis, size in enumerate(shape):
        others = tuple(other for other in range(3) if other != axis)
        at = np.flatnonzero(mask.mean(others) > _EDGE)
        if not at.size:
            raise Unusable("no brain was found in T1w")
        scale = size / mask.shape[axis]
        middle = round(scale * (at[-1] + 1 + at[0]) / 2)
        half = round((1 + 2 * _MARGIN) * scale * (at[-1] + 1 - at[0])) / 2
        parts.append(slice(max(0, int(middle - half)), min(size, int(middle + half))))
    return tuple(parts)


def _largest(mask: Mask) -> Mask:
    pieces, _ = ndimage.label(mask, _TOUCHING)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((pieces == sizes.argmax()) & mask)


def _nearest(volume: Volume, shape: tuple[int, ...]) -> Volume:
    """Resample to the nearest voxel, centre to centre; quick, and what the networks were trained with."""
    at = [
        np.floor((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(shape, volume.shape, strict=True)
    ]
    return volume[np.ix_(*at)]
