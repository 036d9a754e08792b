"""Where the slices of a series lie in the patient, from their headers alone.

The order of a volume is geometry: slices are sorted along the normal of ImageOrientationPatient
(PS3.3 C.7.6.2.1.1), never by file name, InstanceNumber or arrival. What is not a regular grid is refused with
the reasons, because a mask or a volume in millilitres computed on a wrong grid looks right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

__all__ = ["Affine", "GeometryMismatch", "Stack", "stack"]

Affine: TypeAlias = tuple[tuple[float, float, float, float], ...]

# Direction cosines of one series differ in the last written digit only; 1e-4 is 0.006 degrees.
ORIENTATION_TOLERANCE = 1e-4
# Scanners write ImagePositionPatient with as little as one decimal, so a slice may lie 0.1 mm off its place,
# but never a fifth of the slice spacing; above 10 mm spacing one per cent is as good as regular.
ROUNDING_MM = 0.1
LARGEST_SHARE_OF_SPACING = 0.2
REGULAR_SHARE_OF_SPACING = 0.01
# Cosines written with three decimals let the stack drift sideways by this share of its length (0.03 degrees).
DRIFT_SHARE_OF_LENGTH = 5e-4

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class GeometryMismatch(ValueError):
    """The images are not one regular volume; `reasons` says why, one sentence each."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Stack:
    """A regular volume: parallel, aligned, evenly spaced slices.

    Attributes
    ----------
    order
        ``order[k]`` is the position, in the sequence given to `stack`, of slice k. Slices ascend along the
        normal, the cross product of the row and column directions.
    shape
        (slices, rows, columns).
    spacing_mm
        (between slices, between rows, between columns), centre to centre.
    orientation
        ImageOrientationPatient: direction of increasing column index, then of increasing row index, in LPS.
    origin_mm
        Centre of the first voxel of slice 0, in LPS.
    frame_of_reference_uid
        "" when the images carry none.
    affine_ras
        4 × 4; maps the index (column, row, slice, 1) to (right, anterior, superior, 1) in mm, as in NIfTI.
    """

    order: tuple[int, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]
    origin_mm: tuple[float, float, float]
    frame_of_reference_uid: str
    affine_ras: Affine


def stack(datasets: Sequence[Dataset]) -> Stack:
    """Order the single-frame images of one series along their normal and describe their common grid.

    Parameters
    ----------
    datasets
        Headers suffice; in any order.

    Raises
    ------
    GeometryMismatch
        Fewer than two slices, a position or orientation is missing, orientations, sizes or pixel spacings
        differ, two slices lie at one position, distances are uneven, or slices do not move along their normal
        (gantry tilt).
    """
    _require_attributes(datasets)
    orientation = _common_orientation(datasets)
    rows, columns, row_mm, column_mm = _common_plane(datasets)
    frame_of_reference_uid = _common_frame_of_reference(datasets)
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.array([_floats(ds, "ImagePositionPatient") for ds in datasets])
    order = np.argsort(positions @ normal, kind="stable")
    slice_mm = _slice_spacing(positions[order], normal)
    origin = positions[order[0]]
    lps = np.eye(4)
    lps[:3, 0] = orientation[:3] * column_mm
    lps[:3, 1] = orientation[3:] * row_mm
    lps[:3, 2] = normal * slice_mm
    lps[:3, 3] = origin
    o, p = orientation.tolist(), origin.tolist()
    return Stack(
        order=tuple(int(i) for i in order),
        shape=(len(datasets), rows, columns),
        spacing_mm=(slice_mm, row_mm, column_mm),
        orientation=(o[0], o[1], o[2], o[3], o[4], o[5]),
        origin_mm=(p[0], p[1], p[2]),
        frame_of_reference_uid=frame_of_reference_uid,
        affine_ras=tuple((r[0], r[1], r[2], r[3]) for r in (LPS_TO_RAS @ lps).tolist()),
    )


def _require_attributes(datasets: Sequence[Dataset]) -> None:
    if len(datasets) < 2:
        raise GeometryMismatch(f"a volume needs at least 2 slices, this series has {len(datasets)}")
    needed = {
        "ImagePositionPatient": 3,
        "ImageOrientationPatient": 6,
        "PixelSpacing": 2,
        "Rows": 1,
        "Columns": 1,
    }
    reasons = []
    for keyword, multiplicity in needed.items():
        missing = sum(len(_floats(ds, keyword)) != multiplicity for ds in datasets)
        if missing:
            reasons.append(f"{keyword} is missing or malformed in {missing} of {len(datasets)} images")
    multi_frame = sum(int(ds.get("NumberOfFrames") or 1) > 1 for ds in datasets)
    if multi_frame:
        reasons.append(
            f"{multi_frame} of {len(datasets)} images are multi-frame; only single-frame images are stacked"
        )
    if reasons:
        raise GeometryMismatch(*reasons)


def _floats(ds: Dataset, keyword: str) -> NDArray[np.float64]:
    """Finite numbers of one attribute; empty when absent, empty or not numbers."""
    try:
        values = np.atleast_1d(np.asarray(ds.get(keyword), dtype=np.float64))
    except (TypeError, ValueError):
        return np.empty(0)
    return values if np.isfinite(values).all() else np.empty(0)


def _common_orientation(datasets: Sequence[Dataset]) -> NDArray[np.float64]:
    orientations = np.array([_floats(ds, "ImageOrientationPatient") for ds in datasets])
    first = orientations[0]
    others = int((np.abs(orientations - first).max(axis=1) > ORIENTATION_TOLERANCE).sum())
    if others:
        raise GeometryMismatch(
            f"slices are not parallel: {others} of {len(datasets)} images have another "
            "ImageOrientationPatient (a localizer, or several stacks in one series)"
        )
    row, column = first[:3], first[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    # 1e-2 lets cosines pass that were written with two decimals; they are normalised below.
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > 1e-2:
        raise GeometryMismatch("ImageOrientationPatient is not two perpendicular unit vectors")
    row = row / lengths[0]
    column = column - (column @ row) * row
    return np.concatenate([row, column / np.linalg.norm(column)])


def _common_plane(datasets: Sequence[Dataset]) -> tuple[int, int, float, float]:
    """Rows, columns, distance between rows, distance between columns (mm)."""
    sizes = {(int(ds.Rows), int(ds.Columns)) for ds in datasets}
    if len(sizes) > 1:
        found = ", ".join(f"{rows} x {columns}" for rows, columns in sorted(sizes))
        raise GeometryMismatch(f"images differ in size (rows x columns): {found}")
    spacings = np.array([_floats(ds, "PixelSpacing") for ds in datasets])
    if (spacings <= 0).any():
        raise GeometryMismatch("PixelSpacing is not positive")
    if (np.ptp(spacings, axis=0) > 1e-3 * spacings[0]).any():
        raise GeometryMismatch(f"images differ in PixelSpacing ({spacings.min():g} to {spacings.max():g} mm)")
    rows, columns = sizes.pop()
    return rows, columns, float(spacings[0, 0]), float(spacings[0, 1])


def _common_frame_of_reference(datasets: Sequence[Dataset]) -> str:
    frames = {str(ds.get("FrameOfReferenceUID") or "") for ds in datasets}
    if len(frames) > 1:
        raise GeometryMismatch(f"images lie in {len(frames)} frames of reference")
    return frames.pop()


def _slice_spacing(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Distance of neighbouring slices (mm); refuses what is uneven or moves sideways.

    Parameters
    ----------
    positions : float64, shape (slices, 3)
        LPS millimetres, ascending along `normal`.
    """
    along = positions @ normal
    distances = np.diff(along)
    length = float(along[-1] - along[0])
    spacing = length / len(distances)
    reasons = []
    twins = int((distances < 1e-3).sum())
    if twins:
        raise GeometryMismatch(
            f"{twins} of {len(positions)} images lie where another one lies "
            "(several time points, echoes or b-values in one series, or a slice sent twice)"
        )
    sideways = positions - positions[0] - np.outer(along - along[0], normal)
    drift = float(np.linalg.norm(sideways, axis=1).max())
    if drift > max(ROUNDING_MM, DRIFT_SHARE_OF_LENGTH * length):
        angle = np.degrees(np.arctan2(np.linalg.norm(sideways[-1]), length))
        reasons.append(
            f"slices do not move along their normal: gantry tilt of {angle:.1f} degrees "
            f"({drift:.1f} mm sideways)"
        )
    tolerance = max(REGULAR_SHARE_OF_SPACING * spacing, min(ROUNDING_MM, LARGEST_SHARE_OF_SPACING * spacing))
    if np.abs(along - np.linspace(along[0], along[-1], len(along))).max() > tolerance:
        gap = int(distances.argmax())
        reasons.append(
            f"slices are unevenly spaced: {distances.min():.2f} to {distances.max():.2f} mm "
            f"(widest between slices {gap} and {gap + 1}; is a slice missing?)"
        )
    if reasons:
        raise GeometryMismatch(*reasons)
    return spacing
