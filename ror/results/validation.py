"""What no validator of single objects sees: do the objects fit each other, their sources and their patient?

Of 23 broken objects, dciodvfy, dcmqi and highdicom's reader let pass: another frame of reference, another
study, a missing tracking UID. So each object is held against its sources before it is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ror.results.checks_rtstruct import rtstruct_faults
from ror.results.checks_seg import seg_faults
from ror.results.checks_sr import sr_faults
from ror.results.checks_stl import stl_faults
from ror.results.errors import ObjectsInvalid
from ror.results.explicit import values_in
from ror.results.model import ResultJob, ResultObject

__all__ = ["validate"]

# Of the General Study module: they name requests and procedures, not images.
COPIED_FROM_STUDY = frozenset({"ReferencedStudySequence", "ReferencedPatientSequence"})


def validate(objects: Sequence[ResultObject], job: ResultJob) -> None:
    """Hold the objects of one job against each other and against the images they were made from.

    Raises
    ------
    ObjectsInvalid
        With every contradiction.
    """
    objects = [replace(one, dataset=_apart(one.dataset)) for one in objects]
    made = {one.sop_instance_uid for one in objects}
    known = made | {str(header.SOPInstanceUID) for series in job.series for header in series.headers}
    known |= job.study_instance_uids  # structure sets refer to their study so
    known |= {earlier.sop_uid for superseded in job.supersedes for earlier in superseded.objects}
    faults = [
        f"{one.kind} {one.name}: {fault}"
        for one in objects
        for fault in (
            *_identity_faults(one, job),
            *_reference_faults(one, known),
            *_kind_faults(one, objects, job),
        )
    ]
    faults += [
        f"SOPInstanceUID {uid} occurs {count} times"
        for uid, count in Counter(one.sop_instance_uid for one in objects).items()
        if count > 1
    ]
    if faults:
        raise ObjectsInvalid(tuple(faults))


def _apart(dataset: Dataset) -> Dataset:
    """The same elements in a data set of their own: a sequence that was looked into is written item by item."""
    return Dataset({tag: dataset.get_item(tag) for tag in dataset.keys()})  # noqa: SIM118 - it iterates elements


def _identity_faults(one: ResultObject, job: ResultJob) -> Iterator[str]:
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not UID(one.dataset.get(keyword, "")).is_valid:
            yield f"{keyword} is missing or no UID"
    if one.dataset.get("StudyInstanceUID") not in job.study_instance_uids:
        yield "lies in a study that is not of this job"
    patients = {
        s.patient_id for s in job.series if s.study_instance_uid == one.dataset.get("StudyInstanceUID")
    }
    if str(one.dataset.get("PatientID") or "") not in patients:
        yield "PatientID is not that of its study"


def _reference_faults(one: ResultObject, known: set[str]) -> Iterator[str]:
    if one.kind == "DICOM":  # may refer to whatever its program knows
        return
    unknown = set(_referenced(one.dataset)) - known
    if unknown:
        yield f"refers to {len(unknown)} objects that are neither input nor result of this job"


def _referenced(dataset: Dataset) -> Iterator[str]:
    for tag in dataset.keys():  # noqa: SIM118 - it iterates elements
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):  # a sequence that nobody has taken apart
            yield from values_in(bytes(element.value or b""), "ReferencedSOPInstanceUID", b"UI")
        elif element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)
        elif element.VR == "SQ" and element.keyword not in COPIED_FROM_STUDY:
            for item in element.value:
                yield from _referenced(item)


def _kind_faults(one: ResultObject, objects: Sequence[ResultObject], job: ResultJob) -> Iterator[str]:
    if one.kind == "SEG":
        yield from seg_faults(one.dataset, job)
    elif one.kind == "SR":
        yield from sr_faults(one.dataset, [other.dataset for other in objects if other.kind == "SEG"], job)
    elif one.kind == "RTSTRUCT":
        yield from rtstruct_faults(one.dataset, job)
    elif one.kind == "STL":
        yield from stl_faults(one.dataset, job)
