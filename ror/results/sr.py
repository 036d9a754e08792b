"""Measurements → Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 Measurement Report (PS3.16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceImageForMeasurementGroup,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from containers import Segment
from ror.results.equipment import (
    MANUFACTURER,
    algorithm_content,
    concept,
    detached,
    long_text,
    require_uids,
    short_digest,
    stamp,
)
from ror.results.model import LabelMap, Outputs, ResultJob, Row, SourceSeries
from ror.results.seg import tracking_id, tracking_uid
from ror.results.uids import derive_uid

__all__ = ["encode_sr"]

SERIES_NUMBER = 9000
PRESENCE = CodedConcept("705057003", "SCT", "Presence")
ABSENT = CodedConcept("2667000", "SCT", "Absent")

Group: TypeAlias = VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations


def encode_sr(outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob) -> Dataset | None:
    """Encode the announced measurements as a structured report, flagged preliminary and unverified.

    A group per segment that has measurements, referring to the segment; or to the source images when nothing
    of it was found, and then the group says *absent*. One more group for measurements of no segment.

    Parameters
    ----------
    segs
        The encoded segmentations by mask name; a mask without one was empty.

    Returns
    -------
    Dataset or None
        None when there is nothing to say: no announced measurement and no empty mask.
    """
    groups = list(_groups(outputs, segs, job))
    if not groups:
        return None
    for series in job.series:
        require_uids(series)
    evidence = [header for series in job.series for header in series.headers]
    report = MeasurementReport(
        observation_context=_observer(job),
        procedure_reported=CodedConcept("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    sr = Comprehensive3DSR(
        evidence=detached(_unique([*evidence, *segs.values()])),
        content=report[0],
        series_instance_uid=derive_uid(job.job_id, "sr/series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derive_uid(job.job_id, "sr"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    sr.ManufacturerModelName = long_text(job.workflow)
    sr.SoftwareVersions = long_text(job.version)
    sr.DeviceSerialNumber = short_digest(job.image_digest)
    return stamp(sr, job, f"{job.workflow} measurements (research use)")


def _unique(evidence: Sequence[Dataset]) -> list[Dataset]:
    # A series may be matched under two names.
    return list({dataset.SOPInstanceUID: dataset for dataset in evidence}.values())


def _groups(outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob) -> Iterator[Group]:
    by_segment: dict[str | None, list[Row]] = {}
    for row in outputs.rows:
        if row.announced is not None:
            by_segment.setdefault(row.announced.segment, []).append(row)
    for mask in outputs.masks:
        for segment in mask.announced.segments:
            rows = by_segment.pop(f"{mask.announced.name}/{segment.value}", [])
            if segment.value not in mask.present:
                if rows or mask.empty:
                    yield _absent(mask, segment, rows, job)
            elif rows:
                yield _present(mask, segment, rows, segs[mask.announced.name], job)
    rest = [row for rows in by_segment.values() for row in rows]
    if rest:
        yield MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(
                uid=derive_uid(job.job_id, "tracking"), identifier=long_text(job.workflow)
            ),
            algorithm_id=algorithm_content(job),
            measurements=[_measurement(row) for row in rest],
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


def _observer(job: ResultJob) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=derive_uid(f"{job.workflow} {job.version} {job.package_digest}", "device"),
        name=long_text(job.workflow),
        manufacturer_name=MANUFACTURER,
        model_name=long_text(job.workflow),
        serial_number=short_digest(job.image_digest),
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=device
        )
    )
