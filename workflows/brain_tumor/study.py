"""The four sequences of a job as images with their real geometry, and the faults that show before any arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from job import Unusable, load_volume
from numpy.typing import NDArray
from volumes import CHANNELS

__all__ = ["Sequence", "as_image", "read_sequences", "same_grid"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_FEWEST_SLICES = 10
_SHORTEST_MM = 80.0
_SAME_PLACE_MM = 1e-3
_TAGS = ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, slots=True)
class Sequence:
    """One series.

    Attributes
    ----------
    image : SimpleITK.Image, float32
        On the series' own grid, in the patient system of DICOM (LPS, mm).
    affine_ras : float64, shape (4, 4)
        The same grid as the engine counts it: (column, row, slice) to mm, RAS.
    frame_of_reference
        Its UID; "" where the series has none.
    """

    name: str
    image: SimpleITK.Image
    affine_ras: NDArray[np.float64]
    frame_of_reference: str

    def voxels(self) -> NDArray[np.float32]:
        """Shape (columns, rows, slices)."""
        return np.asarray(SimpleITK.GetArrayFromImage(self.image), np.float32).transpose(2, 1, 0)


def read_sequences(data: Path, job: Mapping[str, Any]) -> dict[str, Sequence]:
    """Read T1w, T1wCE, T2w and FLAIR, in whatever order the job names them.

    Raises
    ------
    Unusable
        One is missing, or there twice, or too short for a head, or its files are of another series or study than the
        job says (left over from another job).
    """
    named = {series["name"]: series for series in job["series"]}
    if missing := [name for name in CHANNELS if name not in named]:
        raise Unusable(f"the job has no series called {', '.join(missing)}")
    _refuse_twice({name: str(named[name]["series_instance_uid"]) for name in CHANNELS}, "the same series")
    sequences, contents = {}, {}
    for name in CHANNELS:
        sequences[name] = _read(data, named[name])
        # float32 of the same stored values is the same, however the files were written.
        contents[name] = hashlib.sha256(
            SimpleITK.GetArrayFromImage(sequences[name].image).tobytes()
        ).hexdigest()
    _refuse_twice(contents, "the same images")
    return sequences


def _read(data: Path, series: Mapping[str, Any]) -> Sequence:
    name = series["name"]
    voxels, affine = load_volume(data, dict(series))
    frame = _refuse_strangers(data, series)
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if voxels.shape[2] < _FEWEST_SLICES:
        raise Unusable(f"{name} has {voxels.shape[2]} slices, fewer than {_FEWEST_SLICES}: a localizer?")
    # A thick slice still shows what lies in it.
    if (short := float(voxels.shape[2] * spacing_mm[2])) < _SHORTEST_MM:
        raise Unusable(f"{name} covers {short:.0f} mm of the head, less than {_SHORTEST_MM:.0f} mm")
    return Sequence(name, as_image(voxels, affine), affine, frame)


def _refuse_strangers(data: Path, series: Mapping[str, Any]) -> str:
    """Every file must be of the series and study that the job names; returns the frame of reference."""
    frame = ""
    for file in series["files"]:
        header = pydicom.dcmread(data / file, specific_tags=list(_TAGS), stop_before_pixels=True)
        said = (header.get("SeriesInstanceUID"), header.get("StudyInstanceUID"))
        if said != (series["series_instance_uid"], series["study_instance_uid"]):
            raise Unusable(
                f"{file} is of another series or study than {series['name']} of this job: run the job anew"
            )
        frame = str(header.get("FrameOfReferenceUID", ""))
    return frame


def _refuse_twice(marks: Mapping[str, str], what: str) -> None:
    for place, (name, mark) in enumerate(marks.items()):
        for other in list(marks)[:place]:
            if marks[other] == mark:
                raise Unusable(
                    f"{other} and {name} are {what}: one sequence is there twice, and another is missing"
                )


def as_image(voxels: NDArray[np.float32], affine_ras: NDArray[np.float64]) -> SimpleITK.Image:
    """Give an array of shape (columns, rows, slices) its place; SimpleITK counts in LPS."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    affine = _RAS_TO_LPS @ affine_ras
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing_mm.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing_mm).ravel().tolist())
    return image


def same_grid(sequences: Mapping[str, Sequence]) -> bool:
    """Whether all lie on the grid of the first, to a micrometre, in one frame of reference: prepared before."""
    first, *others = sequences.values()
    size = np.array([*first.image.GetSize(), 2]) - 1
    corners = np.indices((2, 2, 2, 1)).reshape(4, -1) * size[:, None]
    corners[3] = 1
    return all(
        other.image.GetSize() == first.image.GetSize()
        and other.frame_of_reference == first.frame_of_reference
        and float(np.abs((other.affine_ras - first.affine_ras) @ corners).max()) <= _SAME_PLACE_MM
        for other in others
    )
