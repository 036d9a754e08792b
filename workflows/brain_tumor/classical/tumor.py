"""Necrotic core, oedema and enhancing tumour by thresholds halfway between the lesion and what surrounds it."""

import numpy as np
from labels import EDEMA, ENHANCING, NECROTIC_CORE
from numpy.typing import NDArray
from scipy import ndimage

from classical.intensities import FLUID, Head

__all__ = ["segment"]

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

# In units of grey matter; healthy tissue stays below the sure ones by many times the noise.
_SURE_ENHANCEMENT = 0.35
_SURE_EDEMA = 1.35
_EDEMA_ON_T2W = 1.1

_SMALLEST_ENHANCING_ML = 0.2
_SMALLEST_EDEMA_ML = 0.2
_SMALLEST_LONE_EDEMA_ML = 3.0
_NEAR_MM = 4.0
_GAP_MM = 2.0


def segment(head: Head, spacing_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Label the tumour: 1 necrotic core, 2 oedema, 3 enhancing; all 0 in a brain without one.

    Oedema is bright on FLAIR and T2w, enhancing tumour is brighter on T1wCE than on T1w, and the necrotic core is what
    enhancing tumour encloses.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    bright = _bright(head, voxel_ml)
    enhancing = _enhancing(head, _grown(bright, _NEAR_MM, spacing_mm), voxel_ml)
    core = _core(enhancing, bright, spacing_mm) & head.brain
    edema = bright & ~core & ~enhancing
    near_mass = _grown(core | enhancing, _NEAR_MM, spacing_mm)
    edema = _parts(edema, _SMALLEST_EDEMA_ML / voxel_ml, near_mass) | _parts(
        edema, _SMALLEST_LONE_EDEMA_ML / voxel_ml
    )
    labels = np.zeros(head.brain.shape, np.uint8)
    labels[edema] = EDEMA
    labels[core] = NECROTIC_CORE
    labels[enhancing] = ENHANCING
    return labels


def _bright(head: Head, voxel_ml: float) -> Mask:
    """Bright on FLAIR and T2w: oedema, and the mass within it."""
    flair, t2w = head.sequences["FLAIR"], head.sequences["T2w"]
    candidates = head.brain & (t2w > _EDEMA_ON_T2W)
    sure = _parts(candidates & (flair > _SURE_EDEMA), _SMALLEST_EDEMA_ML / voxel_ml)
    if not sure.any():
        return sure
    around = float(np.median(flair[head.brain & (head.tissue != FLUID) & ~sure]))
    halfway = (float(np.median(flair[sure])) + around) / 2
    return _parts(candidates & (flair > halfway), _SMALLEST_EDEMA_ML / voxel_ml, sure)


def _enhancing(head: Head, near_bright: Mask, voxel_ml: float) -> Mask:
    """Brighter with contrast agent than without; vessels and meninges have no oedema beside them."""
    gain = head.sequences["T1wCE"] - head.sequences["T1w"]
    sure = _parts(head.brain & (gain > _SURE_ENHANCEMENT), _SMALLEST_ENHANCING_ML / voxel_ml, near_bright)
    if not sure.any():
        return sure
    halfway = float(np.median(gain[sure])) / 2
    return _parts(head.brain & (gain > halfway), _SMALLEST_ENHANCING_ML / voxel_ml, sure)


def _core(enhancing: Mask, bright: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """What the rim encloses, and the dark hole beside it where the rim is too thin to be seen all around."""
    hole = ndimage.binary_fill_holes(enhancing | bright) & ~enhancing & ~bright
    beside = _parts(hole, 1, _grown(enhancing, float(spacing_mm.max()), spacing_mm))
    return (_enclosed(enhancing, spacing_mm) | beside) & ~enhancing


def _enclosed(shell: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """The shell and what it encloses, in 3D or in its slices; gaps in the shell of up to 4 mm do not count."""
    box = ndimage.find_objects(shell.astype(np.uint8))
    if not box:
        return shell
    # On a coarse grid the rim may be thinner than a voxel.
    gap_mm = max(_GAP_MM, 1.5 * float(spacing_mm.max()))
    margin = int(np.ceil(2 * gap_mm / spacing_mm.min())) + 1
    closed = _grown(np.pad(shell[box[0]], margin), gap_mm, spacing_mm)
    closed = ~_grown(~closed, gap_mm, spacing_mm)
    filled = ndimage.binary_fill_holes(closed)
    for index in range(filled.shape[2]):
        filled[:, :, index] = ndimage.binary_fill_holes(filled[:, :, index])
    enclosed = np.zeros_like(shell)
    enclosed[box[0]] = filled[margin:-margin, margin:-margin, margin:-margin] | shell[box[0]]
    return enclosed


def _grown(mask: Mask, by_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= by_mm)


def _parts(mask: Mask, smallest_voxels: float, touching: Mask | None = None) -> Mask:
    """The connected parts of `mask` that are large enough, and touch `touching` where that is given."""
    pieces, count = ndimage.label(mask)
    keep = np.bincount(pieces.ravel(), minlength=count + 1) >= smallest_voxels
    if touching is not None:
        met = np.zeros(count + 1, np.bool_)
        met[pieces[touching]] = True
        keep &= met
    keep[0] = False
    return keep[pieces]
