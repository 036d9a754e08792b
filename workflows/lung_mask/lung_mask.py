"""Left and right lung in a chest CT: ``python lung_mask.py /data /output``.

Hounsfield units, cubes of 1 mm, threshold by K-means, components without airways, closing and filling, left
from right, back onto the CT's own grid; volumes, densities, surfaces and a picture.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

# The root file system is read-only where this runs, and matplotlib wants a place for its font list.
os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

import nibabel as nib
import numpy as np
from figure import write_figure
from grid import CubicGrid
from job import Unusable, load_volume, read_job, record_key
from lungs import LEFT, RIGHT, find_lungs
from measure import measurements
from mesh import write_stl, write_vti
from numpy.typing import NDArray

_HU_RANGE = (-1024.0, 1500.0)
_SIDES = {"left_lung": LEFT, "right_lung": RIGHT}


def main(data: Path, output: Path) -> None:
    """Read the job, find the lungs, and write everything at the end: a failed run leaves nothing behind."""
    spacing_mm = float(json.loads(os.environ.get("ROR_CONT_OPTIONS") or "{}").get("spacing_mm", 1.0))
    ct, affine = load_volume(data, read_job(data)["series"][0])
    # What lies outside the scanner's circle is padded with values that no tissue has.
    np.clip(ct, *_HU_RANGE, out=ct)
    grid = CubicGrid(spacing_mm, ct.shape, affine)
    cubes = grid.from_native(ct)
    print(f"{'x'.join(map(str, cubes.shape))} cubes of {spacing_mm:g} mm")
    found = find_lungs(cubes, spacing_mm)
    native = on_native_grid(found, grid)
    numbers = measurements(ct, native, float(abs(np.linalg.det(affine[:3, :3]))))
    print(f"left {numbers['left_lung_volume']:.0f} mL, right {numbers['right_lung_volume']:.0f} mL")

    write_mask(output / "mask" / "lungs.nii.gz", native, affine)
    write_meshes(output / "mesh", found, grid)
    (output / "figures").mkdir(exist_ok=True)
    title = f"left {numbers['left_lung_volume']:.0f} mL   right {numbers['right_lung_volume']:.0f} mL"
    write_figure(output / "figures" / "lungs.png", cubes, found, title)
    key = record_key(data)
    rows = [key | {"field_name": name, "value": value} for name, value in numbers.items()]
    (output / "output.json").write_text(json.dumps(rows, indent=1))


def on_native_grid(labels: NDArray[np.uint8], grid: CubicGrid) -> NDArray[np.uint8]:
    """Both lungs in one interpolation: right as +1, left as -1, so that they cannot overlap."""
    signed = grid.to_native((labels == RIGHT).astype(np.float32) - (labels == LEFT))
    native = np.zeros(signed.shape, np.uint8)
    native[signed < -0.5] = LEFT
    native[signed > 0.5] = RIGHT
    return native


def write_mask(path: Path, labels: NDArray[np.uint8], affine: NDArray[np.float64]) -> None:
    """Write the label map as NIfTI."""
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(labels, affine), path)


def write_meshes(folder: Path, labels: NDArray[np.uint8], grid: CubicGrid) -> None:
    """Write STL and VTI of each lung that is there."""
    folder.mkdir(exist_ok=True)
    for name, label in _SIDES.items():
        lung = labels == label
        if lung.any():
            triangles = write_stl(folder / f"{name}.stl", lung, grid.affine, grid.spacing_mm)
            write_vti(folder / f"{name}.vti", lung, grid.affine)
            print(f"{name}: {triangles} triangles")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Unusable as reason:
        sys.exit(f"lung_mask: {reason}")
