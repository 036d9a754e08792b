"""Measurements → Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 Measurement Report (PS3.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    MeasurementReport,
    ObservationContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ror.results.equipment import (
    MANUFACTURER,
    detached,
    device_observer,
    long_text,
    require_uids,
    short_digest,
    stamp,
)
from ror.results.groups import measurement_groups
from ror.results.model import Outputs, ResultJob
from ror.results.superseded import predecessor_documents
from ror.results.uids import derive_uid

__all__ = ["encode_sr"]

SERIES_NUMBER = 9000


def encode_sr(outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob) -> Dataset | None:
    """Encode the announced measurements as a structured report: complete, preliminary and unverified.

    A group per segment that has measurements, referring to the segment, and one with its outline where it is
    largest; or a group that refers to the source images when nothing of it was found, and says *absent*. One more
    group for measurements of no segment.

    Parameters
    ----------
    segs
        The encoded segmentations by mask name; a mask without one was empty.

    Returns
    -------
    Dataset or None
        None when there is nothing to say: no announced measurement and no empty mask.
    """
    groups = list(measurement_groups(outputs, segs, job))
    if not groups:
        return None
    for series in job.series:
        require_uids(series)
    evidence = [header for series in job.series for header in series.headers]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device_observer(job)),
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
    if earlier := predecessor_documents(job.supersedes, "sr"):
        sr.PredecessorDocumentsSequence = earlier
    sr.ManufacturerModelName = long_text(job.workflow)
    sr.SoftwareVersions = long_text(job.version)
    sr.DeviceSerialNumber = short_digest(job.image_digest)
    return stamp(sr, job, f"{job.workflow} measurements (research use)")


def _unique(evidence: Sequence[Dataset]) -> list[Dataset]:
    # A series may be matched under two names.
    return list({dataset.SOPInstanceUID: dataset for dataset in evidence}.values())
