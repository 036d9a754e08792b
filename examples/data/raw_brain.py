"""A brain MR study as scanners send it: four series with skull, each on a grid of its own, and a patient who moves.

The head is one of `examples.data.brain_case`; around it lie a rim of fluid, bone and scalp. The truth lies on T1wCE.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from examples.data.anatomy import Anatomy
from examples.data.brain_case import Head, make_head
from examples.data.brain_mr import SEQUENCES, bias_field, series_text
from examples.data.dicom_series import StudyText, write_series
from examples.data.identity import PlantedIdentity
from examples.data.lesion import LESION_LABELS, smooth_noise
from examples.data.scanner import rician
from examples.data.study import GeneratedStudy, record_truth
from examples.data.volume import Volume

__all__ = ["CLINICAL", "RESEARCH", "Grid", "head_scanned", "make_raw_brain_mr"]

Field = NDArray[np.float32]

_AIR_MM = 20
_FLUID_MM, _BONE_MM, _SCALP_MM = 2.5, 6.0, 6.0
# Bone, scalp.
_AROUND = {"T1w": (0.06, 1.0), "T2w": (0.05, 0.55), "FLAIR": (0.05, 0.5), "T1wCE": (0.06, 1.05)}
_MOVED_MM, _MOVED_DEGREES = 2.0, 2.0
_SCALE, _NOISE, _BIAS = 900.0, 0.02, 0.08


@dataclass(frozen=True, slots=True)
class Grid:
    """How a series is planned.

    Attributes
    ----------
    plane
        Where columns, rows and slices grow to, as in ``"LPS"`` (axial) or ``"PIR"`` (sagittal).
    shape
        Columns, rows, slices.
    spacing_mm
        Of columns, rows and slices.
    tilt_degrees
        Turn about the patient's left-right axis.
    """

    plane: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    tilt_degrees: float = 0.0

    def affine(self) -> NDArray[np.float64]:
        """Index to mm (RAS) with the middle of the grid at 0."""
        axes = np.zeros((3, 3))
        for column, letter in enumerate(self.plane):
            axes["LRPAIS".index(letter) // 2, column] = 1 if letter in "RAS" else -1
        affine = np.eye(4)
        turn = Rotation.from_euler("x", self.tilt_degrees, degrees=True).as_matrix()
        affine[:3, :3] = turn @ axes * np.array(self.spacing_mm)
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        return affine


CLINICAL = {
    "T1w": Grid("LPS", (192, 224, 44), (1.0, 1.0, 4.0), 8.0),
    "T2w": Grid("LPS", (256, 288, 52), (0.8, 0.8, 3.5), 8.0),
    "FLAIR": Grid("PIR", (224, 208, 62), (1.0, 1.0, 3.0), -3.0),
    "T1wCE": Grid("PIR", (224, 208, 176), (1.0, 1.0, 1.0)),
}
RESEARCH = {
    name: Grid("LPS", (240, 240, 155), (1.0, 1.0, 1.2), tilt)
    for name, tilt in zip(SEQUENCES, (2.0, -3.0, 4.0, 0.0), strict=True)
}


def make_raw_brain_mr(
    out: Path, anatomy: Anatomy, seed: int = 0, grids: Mapping[str, Grid] = CLINICAL
) -> GeneratedStudy:
    """Write the study below `out`; SeriesDescription is ``T1w``, ``T2w``, ``FLAIR``, ``T1wCE``.

    Every series but T1wCE is moved by up to 2 mm and 2 degrees against it, although all share a frame of reference.
    """
    draw = _draw(anatomy, seed)
    head = make_head(anatomy, draw)
    identity = PlantedIdentity.from_seed(seed)
    study = StudyText(f"raw-brain-mr {seed} {anatomy.name}", identity, "MR BRAIN")
    depth = _outside_mm(head, draw)
    series = {}
    for number, name in enumerate(SEQUENCES, start=2):
        signal = _with_skull(head.signals[name], depth, *_AROUND[name])
        signal *= bias_field(signal.shape, draw, _BIAS)
        motion = np.eye(4) if name == "T1wCE" else _motion(draw)
        seen = _SCALE * rician(_sliced(signal, grids[name], motion), _NOISE, draw)
        volume = Volume(np.rint(seen).clip(0, 65535).astype(np.uint16), grids[name].affine())
        series[name] = write_series(out / "dicom" / name, volume, study, series_text(name, number))
    truth = Volume(_labels_on(head.labels, grids["T1wCE"]), grids["T1wCE"].affine())
    path, volumes = record_truth(out, "tumor", truth, LESION_LABELS, identity)
    return GeneratedStudy(out, study.study_instance_uid, series, identity, path, volumes)


def head_scanned(anatomy: Anatomy, seed: int) -> Head:
    """The head of `make_raw_brain_mr` before any scanner saw it: what a study could show at best."""
    return make_head(anatomy, _draw(anatomy, seed))


def _draw(anatomy: Anatomy, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *b"raw", *anatomy.name.encode()])


def _outside_mm(head: Head, draw: np.random.Generator) -> Field:
    """Distance from the brain, which bone and scalp follow unevenly."""
    brain = np.pad(ndimage.binary_fill_holes(head.shares.sum(0) > 0.5), _AIR_MM)
    # The skull is round, whatever the folds of the cortex: what lies in a fold is as near as its mouth.
    away = ndimage.distance_transform_edt(~brain)
    closed = ndimage.distance_transform_edt(away <= 8) > 8
    outside_mm = np.where(closed & ~brain, np.minimum(away, 1), away).astype(np.float32)
    return outside_mm * (1 + np.float32(0.12) * smooth_noise(outside_mm.shape, 30, draw))


def _with_skull(signal: Field, outside_mm: Field, bone: float, scalp: float) -> Field:
    """Fluid, bone and scalp around the brain, and air around these."""
    bone_mm, air_mm = _FLUID_MM + _BONE_MM, _FLUID_MM + _BONE_MM + _SCALP_MM
    around = np.select(
        [outside_mm < _FLUID_MM, outside_mm < bone_mm, outside_mm < air_mm],
        [np.float32(np.percentile(signal[signal > 0], 3)), np.float32(bone), np.float32(scalp)],
        np.float32(0),
    )
    return np.asarray(np.where(outside_mm > 0, around, np.pad(signal, _AIR_MM)), np.float32)


def _motion(draw: np.random.Generator) -> NDArray[np.float64]:
    motion = np.eye(4)
    turn = draw.uniform(-1, 1, 3) * _MOVED_DEGREES
    motion[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    motion[:3, 3] = draw.uniform(-1, 1, 3) * _MOVED_MM
    return motion


def _sliced(signal: Field, grid: Grid, motion: NDArray[np.float64]) -> Field:
    """The mean over the thickness of each slice."""
    parts = max(1, round(grid.spacing_mm[2]))
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    return sum(_at(signal, grid, motion, float(offset)) for offset in offsets) / np.float32(parts)


def _labels_on(labels: NDArray[np.uint8], grid: Grid) -> NDArray[np.uint8]:
    """The label with the greatest share in each voxel.

    Not the nearest: half-way between two cubes, where grids of other parity lie, that is always the one on the same
    side, and the truth would lie half a voxel beside the image.
    """
    parts = [(np.pad(labels, _AIR_MM) == label).astype(np.float32) for label in range(4)]
    return np.stack([_at(part, grid, np.eye(4), 0.0) for part in parts]).argmax(0).astype(np.uint8)


def _at(voxels: Field, grid: Grid, motion: NDArray[np.float64], offset: float) -> Field:
    """Sample cubes of 1 mm, whose middle is at 0, on the grid; `offset` is counted in slices."""
    affine = motion @ grid.affine()
    start = affine[:3, 3] + offset * affine[:3, 2] + (np.array(voxels.shape) - 1) / 2
    return np.asarray(
        ndimage.affine_transform(
            voxels, affine[:3, :3], start, output_shape=grid.shape, order=1, output=np.float32
        )
    )
