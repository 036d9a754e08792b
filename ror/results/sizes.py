"""How large what was measured can be, and how large it is in its mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from containers import Measurement
from ror.results.model import LabelMap, Outputs, ResultJob, SourceSeries

__all__ = [
    "is_same",
    "is_volume",
    "per_mm3",
    "unlike_their_masks",
    "voxel_mm3",
    "voxels_of",
    "why_impossible",
]

_VOLUME = {("118565006", "SCT"), ("G-D705", "SRT")}
_PER_MM3 = {"mm3": 1.0, "cm3": 1e-3, "mL": 1e-3, "ml": 1e-3, "L": 1e-6, "l": 1e-6}
# More than any person has, so that only a wrong unit or a fault of the program gets there.
_MOST_MM3 = 1e9
# Ways to count the voxels at an edge differ by some per cent; what differs by more is told.
_UNLIKE_SHARE = 0.1


def why_impossible(value: float, measured: Measurement) -> str:
    """Say why nothing can be so large; "" where it can, or where that is not known of what was measured."""
    unit = measured.unit.value
    if not (is_volume(measured) or measured.is_size):
        return ""
    if value < 0:
        return f"is {value:g} {unit}, but a size is 0 or more; correct the program"
    if is_volume(measured) and value > _MOST_MM3 * per_mm3(measured):
        most = _MOST_MM3 * per_mm3(measured)
        return f"is {value:g} {unit}, but no body part is larger than {most:g} {unit}; is it in another unit?"
    return ""


def unlike_their_masks(outputs: Outputs, job: ResultJob) -> Iterator[str]:
    """Volumes that differ by more than 10 % from that of the voxels of their segment, a line for each."""
    masks = {mask.announced.name: mask for mask in outputs.masks}
    for row in outputs.rows:
        one = row.announced
        of = one.segment_of if one else None
        if one is None or of is None or of[0] not in masks or not is_volume(one):
            continue
        mask = masks[of[0]]
        series = job.series_named(mask.announced.on)
        assert series is not None  # the mask was read on it
        counted = voxels_of(mask, of[1]) * voxel_mm3(series) * per_mm3(one)
        if mask.fractions is None and not is_same(row.value, counted, _UNLIKE_SHARE):
            yield f"{row.field_name} is {row.value:g} {one.unit.value}, its mask {counted:g}"


def is_volume(one: Measurement) -> bool:
    """Whether it is a volume, in a unit that is known here."""
    return (one.code.value, one.code.scheme) in _VOLUME and one.unit.value in _PER_MM3


def per_mm3(one: Measurement) -> float:
    """How many of the unit of a volume are a cubic millimetre; 0 of what is none."""
    return _PER_MM3.get(one.unit.value, 0.0)


def is_same(value: float | str, volume: float, share: float) -> bool:
    """Whether they differ by no more than a share of the larger."""
    return not isinstance(value, str) and abs(value - volume) <= share * max(abs(value), volume)


def voxel_mm3(series: SourceSeries) -> float:
    """The volume of a voxel of a series that is a volume."""
    assert series.grid is not None  # a mask was read on it
    return float(np.prod(series.grid.spacing_mm))


def voxels_of(mask: LabelMap, value: int) -> int:
    """How many voxels hold a segment."""
    counted = mask.voxels.sum(axis=0)
    return int(counted[value]) if value < len(counted) else 0
