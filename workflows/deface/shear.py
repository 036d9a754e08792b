"""What goes: all that lies below a plane under the brain, from the forehead down (quickshear).

Schimke and Hale, Quickshear Defacing for Neuroimages, HealthSec 2011: the plane runs along the first edge of the lower
convex hull of the brain's sagittal profile, a little below it.
"""

import nibabel as nib
import numpy as np
from head import Head, Unusable
from numpy.typing import NDArray
from quickshear import quickshear

__all__ = ["removed_by_shear", "tissue_ml"]

# A three-year-old has 1,000 to 1,500 mL; a mask beyond these has lost the brain, or taken in what is none.
_BRAIN_ML = (400.0, 2200.0)
# Less than this below the brain is no face: the series was skull-stripped, or its field of view ends above.
_LEAST_FACE_ML = 10.0
_AIR_SHARE_OF_BRAIN = 0.1


def removed_by_shear(head: Head, brain: NDArray[np.bool_], buffer_mm: float) -> NDArray[np.bool_]:
    """Return the voxels to remove, bool, shape (columns, rows, slices).

    Parameters
    ----------
    brain
        On the grid of `head`.
    buffer_mm
        From the brain downwards to the plane. The plane is steep, so it passes the brain at a third of that.

    Raises
    ------
    Unusable
        The brain is none, the plane would cut into it, or there is no face below it.
    """
    _check_brain(head, brain)
    removed = _below_plane(head.affine, brain, buffer_mm)
    touched = int((removed & brain).sum())
    if touched:
        raise Unusable(f"the cut would take {touched} voxels of the brain")
    tissue = tissue_ml(head, brain, removed)
    if tissue < _LEAST_FACE_ML:
        raise Unusable(f"there is no face: {tissue:.1f} mL of tissue lie in front of and below the brain")
    return removed


def tissue_ml(head: Head, brain: NDArray[np.bool_], where: NDArray[np.bool_]) -> float:
    """How much of `where` is tissue, not air: brighter than a tenth of the brain; in millilitres."""
    air = _AIR_SHARE_OF_BRAIN * float(np.median(head.signal[brain]))
    return head.ml(where & (head.signal > air))


def _check_brain(head: Head, brain: NDArray[np.bool_]) -> None:
    low, high = _BRAIN_ML
    found = head.ml(brain)
    if not low <= found <= high:
        raise Unusable(f"what was found as brain has {found:.0f} mL, and a brain has {low:.0f} to {high:.0f}")
    profile = brain.any(axis=_axis_of(head.affine, "R"))
    if min(profile.any(axis=axis).sum() for axis in (0, 1)) < 3:
        raise Unusable("the brain is less than three voxels long or high")


def _below_plane(
    affine: NDArray[np.float64], brain: NDArray[np.bool_], buffer_mm: float
) -> NDArray[np.bool_]:
    # quickshear counts its buffer in voxels from head to foot: of thick slices ten would leave the face.
    height_mm = float(np.linalg.norm(affine[:3, _axis_of(affine, "S")]))
    # It looks for the brain's edge around the border of the volume: where the brain touches the top, it sees one at
    # the bottom. A voxel of air on every side keeps them apart.
    around = np.pad(brain, 1)
    everything = nib.Nifti1Image(np.ones(around.shape, np.uint8), affine)
    mask = nib.Nifti1Image(around.astype(np.uint8), affine)
    kept = np.asarray(quickshear(everything, mask, buffer_mm / height_mm).dataobj)
    return kept[1:-1, 1:-1, 1:-1] == 0


def _axis_of(affine: NDArray[np.float64], direction: str) -> int:
    """The axis of the volume that runs along R(ight) or S(uperior), whichever way."""
    row = {"R": 0, "S": 2}[direction]
    return int(np.flatnonzero(nib.io_orientation(affine)[:, 0] == row)[0])
