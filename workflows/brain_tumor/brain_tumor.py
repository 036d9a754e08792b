"""Oedema, enhancing tumour and necrotic core in four MR sequences: ``python brain_tumor.py /data /output``.

The sequences are those the select statement calls T1w, T2w, FLAIR and T1wCE. They must lie on one grid.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

# The root file system is read-only where this runs, and matplotlib wants a place for its font list.
os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

import nibabel as nib
import numpy as np
import pydicom
from figure import write_figure
from intensities import normalised
from job import Unusable, load_volume, read_job, record_key
from numpy.typing import NDArray
from tumor import EDEMA, ENHANCING, NECROTIC_CORE, segment

_SEQUENCES = ("T1w", "T2w", "FLAIR", "T1wCE")
_FIELDS = {"necrotic_core_volume": NECROTIC_CORE, "edema_volume": EDEMA, "enhancing_volume": ENHANCING}
_SAME_PLACE_MM = 1e-3


def main(data: Path, output: Path) -> None:
    """Read the job, find the tumour, and write everything at the end: a failed run leaves nothing behind."""
    named = {series["name"]: series for series in read_job(data)["series"]}
    missing = [name for name in _SEQUENCES if name not in named]
    if missing:
        raise Unusable(f"the job has no series called {', '.join(missing)}")
    sequences, affine = load_sequences(data, named)
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    labels = segment(normalised(sequences, spacing_mm), spacing_mm)
    voxel_mm3 = float(np.prod(spacing_mm))
    volumes = {name: round(float((labels == label).sum()) * voxel_mm3, 1) for name, label in _FIELDS.items()}
    title = "   ".join(
        f"{name.removesuffix('_volume')} {value / 1000:.1f} mL" for name, value in volumes.items()
    )
    print(title)

    for folder in ("mask", "figures"):
        (output / folder).mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(labels, affine), output / "mask" / "tumor.nii.gz")
    write_figure(output / "figures" / "tumor.png", sequences, labels, title)
    key = record_key(data)
    rows = [key | {"field_name": name, "value": value} for name, value in volumes.items()]
    (output / "output.json").write_text(json.dumps(rows, indent=1))


def load_sequences(
    data: Path, named: dict[str, dict[str, Any]]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float64]]:
    """Read the four sequences, and the affine they share.

    Raises
    ------
    Unusable
        They lie on different grids or in different frames of reference.
    """
    sequences: dict[str, NDArray[np.float32]] = {}
    affines, frames = {}, {}
    for name in _SEQUENCES:
        sequences[name], affines[name] = load_volume(data, named[name])
        first = pydicom.dcmread(data / named[name]["files"][0], specific_tags=["FrameOfReferenceUID"])
        frames[name] = first.get("FrameOfReferenceUID", "")
    reference = _SEQUENCES[-1]
    faults = [
        f"{name} {fault}"
        for name in _SEQUENCES[:-1]
        if (
            fault := _mismatch(
                sequences[name].shape, sequences[reference].shape, affines[name] - affines[reference]
            )
        )
        or (fault := frames[name] != frames[reference] and "has another frame of reference")
    ]
    if faults:
        raise Unusable(
            f"the series do not lie on the grid of {reference}: {'; '.join(faults)}. Register them first"
        )
    return sequences, affines[reference]


def _mismatch(shape: tuple[int, ...], wanted: tuple[int, ...], off: NDArray[np.float64]) -> str:
    """Say how two grids differ; "" when no voxel lies more than a micrometre off."""
    if shape != wanted:
        return f"has {'x'.join(map(str, shape))} voxels, not {'x'.join(map(str, wanted))}"
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in wanted], (1,), indexing="ij"), -1).reshape(
        -1, 4
    )
    farthest = float(np.linalg.norm((corners @ off.T)[:, :3], axis=1).max())
    return f"lies up to {farthest:.3f} mm off" if farthest > _SAME_PLACE_MM else ""


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Unusable as reason:
        sys.exit(f"brain_tumor: {reason}")
