"""The measurement groups of a report (PS3.16 TID 1410, 1411 and 1501)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from highdicom.sr import (
    CodedConcept,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from containers import Segment
from ror.results.contours import Outline, largest
from ror.results.equipment import algorithm_content, concept, long_text
from ror.results.model import LabelMap, Outputs, ResultJob, Row, SourceSeries
from ror.results.seg import tracking_id, tracking_uid
from ror.results.uids import derive_uid

__all__ = ["Group", "measurement_groups"]

PRESENCE = CodedConcept("705057003", "SCT", "Presence")
ABSENT = CodedConcept("2667000", "SCT", "Absent")
AREA = CodedConcept("42798000", "SCT", "Area")
SQUARE_MILLIMETER = CodedConcept("mm2", "UCUM", "square millimeter")
# An FL value of explicit VR holds 65534 bytes (PS3.5 7.1.2): pairs of four bytes each, and the first one again.
MOST_POINTS = 8190

Group: TypeAlias = (
    VolumetricROIMeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | MeasurementsAndQualitativeEvaluations
)


def measurement_groups(
    outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob
) -> tuple[list[Group], list[Group]]:
    """The groups that lie somewhere in the images, and those that do not; `segs` are the segmentations by mask name.

    In the order of the manifest. Nothing lies anywhere of a segment that is absent, or of the image as a whole.
    """
    located: list[Group] = []
    others: list[Group] = []
    by_segment: dict[str | None, list[Row]] = {}
    for row in outputs.rows:
        if row.announced is not None:
            by_segment.setdefault(row.announced.segment, []).append(row)
    for mask in outputs.masks:
        for segment in mask.announced.segments:
            rows = by_segment.pop(f"{mask.announced.name}/{segment.value}", [])
            if segment.value not in mask.present:
                if rows or mask.empty:
                    others.append(_absent(mask, segment, rows, job))
            elif rows:
                located.append(_present(mask, segment, rows, segs[mask.announced.name], job))
                located += _outlined(mask, segment, job)
    rest = [row for rows in by_segment.values() for row in rows]
    if rest:
        others.append(_of_images(rest, job))
    return located, others


def _of_images(rows: Sequence[Row], job: ResultJob) -> Group:
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derive_uid(job.job_id, "tracking"), identifier=long_text(job.workflow)
        ),
        algorithm_id=algorithm_content(job),
        measurements=[_measurement(row) for row in rows],
        source_images=_source_images(job.series[0]),
    )


def _present(mask: LabelMap, segment: Segment, rows: Sequence[Row], seg: Dataset, job: ResultJob) -> Group:
    source = job.series_named(mask.announced.on)
    assert source is not None  # the mask was read on it
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(mask, segment, job),
        referenced_segment=ReferencedSegment(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            segment_number=segment.value,
            source_series=SourceSeriesForSegmentation(source.series_instance_uid),
        ),
        finding_type=concept(segment.type),
        finding_category=concept(segment.category),
        algorithm_id=algorithm_content(job),
        measurements=[_measurement(row) for row in rows],
    )


def _outlined(mask: LabelMap, segment: Segment, job: ResultJob) -> Iterator[Group]:
    """The largest outline in the slice where the segment is largest, with its area.

    OHIF shows nothing for a group that refers to a segmentation, and draws this one. Both track the same thing, so
    viewers put the measurements of the segment beside its outline.
    """
    source = job.series_named(mask.announced.on)
    assert source is not None and source.grid is not None  # the mask was read on it
    k = mask.largest_slice(segment.value)
    outline = largest(mask.labels[k] == segment.value)
    if outline is None:  # of a probability that reaches one half nowhere
        return
    header = source.headers[k]
    area_mm2 = outline.area_pixels * source.grid.spacing_mm[1] * source.grid.spacing_mm[2]
    yield PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(mask, segment, job),
        referenced_region=ImageRegion(
            GraphicTypeValues.POLYLINE,
            _closed(outline),
            SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID),
        ),
        finding_type=concept(segment.type),
        finding_category=concept(segment.category),
        algorithm_id=algorithm_content(job),
        measurements=[Measurement(AREA, area_mm2, SQUARE_MILLIMETER)],
    )


def _closed(outline: Outline) -> NDArray[np.float64]:
    """A polyline that ends where it begins encloses something (PS3.3 C.18.6.1.2)."""
    step = -(-len(outline.points) // MOST_POINTS)
    points = outline.points[::step]
    return np.vstack((points, points[:1]))


def _absent(mask: LabelMap, segment: Segment, rows: Sequence[Row], job: ResultJob) -> Group:
    source = job.series_named(mask.announced.on)
    assert source is not None  # the mask was read on it
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(mask, segment, job),
        finding_type=concept(segment.type),
        finding_category=concept(segment.category),
        algorithm_id=algorithm_content(job),
        measurements=[_measurement(row) for row in rows] or None,
        qualitative_evaluations=[QualitativeEvaluation(PRESENCE, ABSENT)],
        source_images=_source_images(source),
    )


def _tracking(mask: LabelMap, segment: Segment, job: ResultJob) -> TrackingIdentifier:
    name = mask.announced.name
    return TrackingIdentifier(
        uid=tracking_uid(job, name, segment.value), identifier=tracking_id(job, name, segment)
    )


def _measurement(row: Row) -> Measurement:
    assert row.announced is not None and not isinstance(row.value, str)  # held against the manifest before
    # highdicom writes the decimal string within DS's 16 characters, and the full double beside it.
    return Measurement(concept(row.announced.code), float(row.value), concept(row.announced.unit))


def _source_images(series: SourceSeries) -> list[SourceImageForMeasurementGroup]:
    return [
        SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID) for header in series.headers
    ]
