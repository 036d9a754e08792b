"""A volume as NIfTI holds it, and its axes."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from examples.data.errors import ImageUnsuitable

__all__ = ["Volume"]


@dataclass(frozen=True, slots=True)
class Volume:
    """Voxels and where they lie.

    Attributes
    ----------
    voxels : shape (columns, rows, slices)
    affine_ras : float64, shape (4, 4)
        Takes the index (column, row, slice, 1) to millimetres; x grows to the patient's right, y to the
        front, z to the head.
    """

    voxels: NDArray[np.generic]
    affine_ras: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse what DICOM's image plane (PS3.3 C.7.6.2) cannot say."""
        if self.voxels.ndim != 3 or 0 in self.voxels.shape:
            raise ImageUnsuitable(
                f"a volume has three axes and no empty one, not the shape {self.voxels.shape}"
            )
        axes = self.affine_ras[:3, :3] / self.spacing_mm
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
            raise ImageUnsuitable("the axes are not at right angles: resample the volume first")

    @classmethod
    def read(cls, path: Path) -> "Volume":
        """Read a NIfTI file with its data type as stored; a fourth axis of one volume is left out."""
        image = nib.load(path)
        voxels = np.asarray(image.dataobj)
        if voxels.ndim == 4 and voxels.shape[3] == 1:
            voxels = voxels[..., 0]
        return cls(voxels, np.asarray(image.affine, np.float64))

    def write(self, path: Path) -> None:
        """Write a NIfTI file; the same volume gives the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(self.voxels, self.affine_ras), path)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance of neighbouring voxels along (columns, rows, slices)."""
        return np.linalg.norm(self.affine_ras[:3, :3], axis=0)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    def as_scanned(self) -> "Volume":
        """The same volume in axial slices from foot to head, rows from front to back, columns from right to
        left."""
        turn = ornt_transform(io_orientation(self.affine_ras), axcodes2ornt(("L", "P", "S")))
        turned = apply_orientation(self.voxels, turn)
        return Volume(np.ascontiguousarray(turned), self.affine_ras @ inv_ornt_aff(turn, self.voxels.shape))

    def strided(self, steps: tuple[int, int, int]) -> "Volume":
        """Every n-th voxel along each axis; quick, and good enough for small test data."""
        columns, rows, slices = steps
        return Volume(
            np.ascontiguousarray(self.voxels[::columns, ::rows, ::slices]),
            self.affine_ras @ np.diag([columns, rows, slices, 1.0]),
        )
