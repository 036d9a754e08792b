"""Masks that a reader has corrected, in the place of those that a program made; and what was measured in these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from containers import Measurement
from ror.results.labels import read_labels
from ror.results.model import Corrected, LabelMap, Outputs, ResultJob, Row, SourceSeries
from ror.results.sizes import is_same, is_volume, per_mm3, voxel_mm3, voxels_of
from ror.results.stl import Mesh

__all__ = ["CorrectedMask", "Remeasured", "agreement", "label_map_of", "remeasured", "with_corrections"]

# A program that counts voxels gives their volume but for rounding; another formula is not ours to guess.
_SAME_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class CorrectedMask:
    """A corrected version of a mask, as it is kept: a segmentation that we have encoded ourselves."""

    mask: str
    sop_uid: str
    at: datetime
    path: Path


@dataclass(frozen=True, slots=True)
class Remeasured:
    """The measurements of a job with a corrected mask, and what became of them, a line for each that changed."""

    rows: tuple[Row, ...]
    told: tuple[str, ...]


def with_corrections(
    outputs: Outputs,
    corrections: Sequence[CorrectedMask],
    measurements: Sequence[Measurement],
    job: ResultJob,
    tell: Callable[[str], object] = lambda _change: None,
) -> Outputs:
    """Put corrected masks into the place of those that a program made, and measure again what they change.

    What else shows, or may show, the mask as it was made is left out: meshes of it or of no segment, and objects of
    the program's own.

    Parameters
    ----------
    tell
        Told each change, in a line.
    """
    by_mask = {one.mask: one for one in corrections}
    for before in outputs.masks:
        if (correction := by_mask.get(before.announced.name)) is None:
            continue
        series = _volume_of(before, job)
        after = label_map_of(correction, before, series)
        measured = remeasured(outputs.rows, measurements, before, after, series)
        for change in measured.told:
            tell(change)
        masks = tuple(after if mask is before else mask for mask in outputs.masks)
        meshes = tuple(mesh for mesh in outputs.meshes if _shows_another(mesh, before))
        for mesh in outputs.meshes:
            if mesh not in meshes:
                shows = "shows" if mesh.announced.segment else "may show"
                tell(f"{mesh.name}: left out, since it {shows} the mask of the workflow")
        for file in outputs.dicom_files:
            tell(f"{file.name}: left out, since it may show the mask of the workflow")
        outputs = replace(outputs, rows=measured.rows, masks=masks, meshes=meshes, dicom_files=())
    return outputs


def _shows_another(mesh: Mesh, mask: LabelMap) -> bool:
    """Whether a mesh is of another mask; one of no segment may be of any."""
    of = mesh.announced.segment_of
    return of is not None and of[0] != mask.announced.name


def label_map_of(correction: CorrectedMask, before: LabelMap, series: SourceSeries) -> LabelMap:
    """The voxels of a correction; labels also where the program gave probabilities, which nobody draws."""
    assert series.grid is not None  # the mask was read on it
    announced = before.announced
    if announced.encoding == "fractional":
        announced = announced.model_copy(update={"encoding": "binary"})
    labels = read_labels(correction.path, series.grid)
    return LabelMap.of(announced, labels, Corrected(correction.sop_uid, correction.at))


def agreement(before: LabelMap, after: LabelMap) -> dict[str, float]:
    """Dice of each segment, by label: 1 where both are the same, also where both have nothing of it."""
    found = {}
    for segment in before.announced.segments:
        one, other = before.labels == segment.value, after.labels == segment.value
        both = int(one.sum()) + int(other.sum())
        found[segment.label] = 2 * int((one & other).sum()) / both if both else 1.0
    return found


def remeasured(
    rows: Sequence[Row],
    measurements: Sequence[Measurement],
    before: LabelMap,
    after: LabelMap,
    series: SourceSeries,
) -> Remeasured:
    """Measure the segments of a corrected mask again, as far as that can be done without the program.

    Volumes are counted again where the program's own value is the volume of its own mask, to one per cent. What else
    it has measured in a segment that was changed is left out: it is of another mask. Measurements of unchanged
    segments, of other masks and of no segment stay.
    """
    name, voxel = before.announced.name, voxel_mm3(series)
    changed = {
        segment.value
        for segment in before.announced.segments
        if not np.array_equal(before.labels == segment.value, after.labels == segment.value)
    }
    volumes = {
        value: (voxels_of(before, value) * voxel, voxels_of(after, value) * voxel) for value in changed
    }
    kept, told = list[Row](), list[str]()
    for row in rows:
        of = row.announced.segment_of if row.announced else None
        if row.announced is None or of is None or of[0] != name or of[1] not in changed:
            kept.append(row)
            continue
        was, now = (mm3 * per_mm3(row.announced) for mm3 in volumes[of[1]])
        if is_volume(row.announced) and is_same(row.value, was, _SAME_SHARE):
            kept.append(replace(row, value=now))
            told.append(f"{row.field_name}: {row.value:g} became {now:g}")
        else:
            told.append(f"{row.field_name}: left out, since it was measured in the mask of the workflow")
    for row in _new_volumes(rows, measurements, name, volumes, job_record=series.patient_id):
        kept.append(row)
        told.append(f"{row.field_name}: {row.value:g}, where the workflow had found nothing")
    return Remeasured(tuple(kept), tuple(told))


def _new_volumes(
    rows: Sequence[Row],
    measurements: Sequence[Measurement],
    mask: str,
    volumes: Mapping[int, tuple[float, float]],
    job_record: str,
) -> Iterator[Row]:
    """Volumes of segments of which the program had found nothing, and so had given no number."""
    given = {row.field_name for row in rows}
    beside = rows[0] if rows else Row(job_record, "", "", 0)
    for one in measurements:
        of = one.segment_of
        if one.field in given or of is None or of[0] != mask or of[1] not in volumes or not is_volume(one):
            continue
        was, now = volumes[of[1]]
        if not was:
            yield replace(beside, field_name=one.field, value=now * per_mm3(one), announced=one)


def _volume_of(mask: LabelMap, job: ResultJob) -> SourceSeries:
    series = job.series_named(mask.announced.on)
    assert series is not None  # the mask was read on it
    return series
