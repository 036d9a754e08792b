"""No two heads alike: an anatomy turned, stretched, warped, and pushed aside by what grows in it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from examples.data.lesion import smooth_noise

__all__ = ["places", "pushed", "sampled"]

Field = NDArray[np.float32]

_TURN_DEGREES = 8.0
_STRETCH = 0.08
# How far, and over how many millimetres it comes and goes.
_WARPS_MM = ((2.5, 40.0), (1.0, 16.0))


def places(shape: tuple[int, ...], draw: np.random.Generator) -> Field:
    """Where in the anatomy each voxel of the case comes from: float32, shape (3, *shape), in voxels of 1 mm."""
    turn = Rotation.from_euler("xyz", draw.uniform(-1, 1, 3) * _TURN_DEGREES, degrees=True).as_matrix()
    stretch = draw.uniform(1 - _STRETCH, 1 + _STRETCH, 3)
    if draw.random() < 0.5:
        stretch[0] *= -1
    linear = (turn @ np.diag(stretch)).astype(np.float32)
    centre = (np.array(shape, np.float32) - 1) / 2
    grids = np.ogrid[tuple(slice(0, size) for size in shape)]
    offsets = [(grid - middle).astype(np.float32) for grid, middle in zip(grids, centre, strict=True)]
    at = np.stack([sum(linear[row, axis] * offsets[axis] for axis in range(3)) for row in range(3)])
    for row in range(3):
        at[row] += centre[row]
        for far_mm, scale_mm in _WARPS_MM:
            at[row] += np.float32(far_mm) * smooth_noise(shape, scale_mm, draw)
    return at


def pushed(at: Field, centre: Sequence[int], radius_mm: float, far_mm: float) -> None:
    """Push what lies around `centre` outwards, in place: `far_mm` at the edge of the mass, fading over its radius.

    A voxel shows what lay nearer to the centre, so the anatomy moves away from it (mass effect).
    """
    reach = int(4 * radius_mm)
    box = tuple(
        slice(max(0, middle - reach), min(size, middle + reach + 1))
        for middle, size in zip(centre, at.shape[1:], strict=True)
    )
    here = at[(slice(None), *box)]
    middle = at[(slice(None), *centre)].copy()
    from_middle = here - middle[:, None, None, None]
    distance = np.sqrt((from_middle**2).sum(0)) + np.float32(1e-3)
    nearer = far_mm * np.exp(-(((distance - radius_mm).clip(0) / radius_mm) ** 2))
    here -= from_middle * (np.minimum(nearer, 0.8 * distance) / distance)


def sampled(shares: Field, at: Field) -> Field:
    """The shares of the anatomy at these places; what lies outside is none of them."""
    return np.stack([ndimage.map_coordinates(share, at, order=1, output=np.float32) for share in shares])
