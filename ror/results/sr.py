"""Measurements → Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 Measurement Report (PS3.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

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
from ror.results.groups import Group, measurement_groups
from ror.results.model import Outputs, ResultJob
from ror.results.superseded import predecessor_documents
from ror.results.uids import derive_uid

__all__ = ["encode_sr"]

SERIES_NUMBER = 9000
SERIES_NUMBER_OF_OTHERS = 9099


def encode_sr(outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob) -> list[Dataset]:
    """Encode the announced measurements as structured reports: complete, preliminary and unverified.

    A group per segment that has measurements, referring to the segment, and one with its outline where it is
    largest; or a group that refers to the source images when nothing of it was found, and says *absent*. One more
    group for measurements of no segment.

    Where there are groups with an outline and groups without, each kind has a report of its own: OHIF 3.13.2 shows
    none of a report in which a single group lies nowhere.

    Parameters
    ----------
    segs
        The encoded segmentations by mask name; a mask without one was empty.

    Returns
    -------
    list of Dataset
        Empty when there is nothing to say: no announced measurement and no empty mask.
    """
    located, others = measurement_groups(outputs, segs, job)
    if located or others:
        for series in job.series:
            require_uids(series)
    if not (located and others):
        return [_report(groups, "sr", SERIES_NUMBER, segs, job) for groups in (located, others) if groups]
    return [
        _report(located, "sr", SERIES_NUMBER, segs, job),
        _report(others, "sr/others", SERIES_NUMBER_OF_OTHERS, {}, job),
    ]


def _report(
    groups: Sequence[Group], role: str, series_number: int, segs: Mapping[str, Dataset], job: ResultJob
) -> Dataset:
    evidence = [header for series in job.series for header in series.headers]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device_observer(job)),
        procedure_reported=CodedConcept("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    sr = Comprehensive3DSR(
        evidence=detached(_unique([*evidence, *segs.values()])),
        content=deepcopy(report[0]),  # it has the very codes of all reports
        series_instance_uid=derive_uid(job.job_id, f"{role}/series"),
        series_number=series_number,
        sop_instance_uid=derive_uid(job.job_id, role),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    if earlier := predecessor_documents(job.supersedes, role):
        sr.PredecessorDocumentsSequence = earlier
    sr.ManufacturerModelName = long_text(job.workflow)
    sr.SoftwareVersions = long_text(job.version)
    sr.DeviceSerialNumber = short_digest(job.image_digest)
    return stamp(sr, job, f"{job.workflow} measurements (research use)")


def _unique(evidence: Sequence[Dataset]) -> list[Dataset]:
    # A series may be matched under two names.
    return list({dataset.SOPInstanceUID: dataset for dataset in evidence}.values())
