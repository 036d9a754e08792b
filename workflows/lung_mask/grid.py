"""From the scanner's grid to cubes in RAS order and back, by linear interpolation along one axis after the
other."""

from dataclasses import dataclass

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

__all__ = ["CubicGrid"]

_RAS = np.array([[0, 1], [1, 1], [2, 1]])


@dataclass(frozen=True, slots=True)
class CubicGrid:
    """Cubic voxels over the whole of a volume; axes grow to the right, to the front and to the head.

    Attributes
    ----------
    spacing_mm
        Edge of a cube.
    native_shape, native_affine
        Of the volume as it came: shape (columns, rows, slices), index to mm (RAS).
    """

    spacing_mm: float
    native_shape: tuple[int, ...]
    native_affine: NDArray[np.float64]

    @property
    def _turn(self) -> NDArray[np.float64]:
        """How native axes turn into the nearest of right, front and head."""
        return np.asarray(io_orientation(self.native_affine))

    @property
    def _turned_shape(self) -> tuple[int, ...]:
        return tuple(np.array(self.native_shape)[np.argsort(self._turn[:, 0])])

    @property
    def _turned_affine(self) -> NDArray[np.float64]:
        return np.asarray(self.native_affine @ inv_ornt_aff(self._turn, self.native_shape))

    @property
    def _ratio(self) -> NDArray[np.float64]:
        """Cubes per native voxel along each axis."""
        return np.asarray(np.linalg.norm(self._turned_affine[:3, :3], axis=0) / self.spacing_mm)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cubes along each axis."""
        return tuple(
            int(np.ceil(size * ratio)) for size, ratio in zip(self._turned_shape, self._ratio, strict=True)
        )

    @property
    def affine(self) -> NDArray[np.float64]:
        """Cube index to mm (RAS); the outer corner of the first cube is that of the first native voxel."""
        scale = np.diag([*(1 / self._ratio), 1.0])
        scale[:3, 3] = (1 / self._ratio - 1) / 2
        return self._turned_affine @ scale

    def from_native(self, native: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample a native volume to cubes."""
        volume = apply_orientation(native, self._turn)
        # Shrinking axes first keeps the volumes in between small.
        for axis in np.argsort(self._ratio):
            volume = _along(volume, int(axis), self.shape[axis], 1 / self._ratio[axis])
        return volume

    def to_native(self, cubes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample cubes to the native grid."""
        volume = cubes
        for axis in np.argsort(1 / self._ratio):
            volume = _along(volume, int(axis), self._turned_shape[axis], self._ratio[axis])
        return np.asarray(apply_orientation(volume, ornt_transform(_RAS, self._turn)))


def _along(volume: NDArray[np.float32], axis: int, size: int, step: float) -> NDArray[np.float32]:
    """Interpolate linearly to `size` samples, `step` old voxels apart, edge to edge."""
    at = np.clip((np.arange(size) + 0.5) * step - 0.5, 0, volume.shape[axis] - 1)
    low = np.minimum(at.astype(np.intp), max(0, volume.shape[axis] - 2))
    high = np.minimum(low + 1, volume.shape[axis] - 1)
    share = (at - low).astype(np.float32).reshape([-1 if axis == other else 1 for other in range(3)])
    below = np.take(volume, low, axis)
    above = np.take(volume, high, axis)
    above -= below
    above *= share
    above += below
    return above
