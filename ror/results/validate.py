"""What no validator of single objects sees: do the objects fit each other, their sources and their patient?

Of 23 broken objects, dciodvfy, dcmqi and highdicom's reader let pass: another frame of reference, another
study, a missing tracking UID. So each object is held against its sources before it is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ror.results.errors import ObjectsInvalid
from ror.results.model import ResultJob, ResultObject

__all__ = ["validate"]

TRACKING_UID = ("112040", "DCM")
ALGORITHM_NAME = ("111001", "DCM")
# Of the General Study module: they name requests and procedures, not images.
COPIED_FROM_STUDY = frozenset({"ReferencedStudySequence", "ReferencedPatientSequence"})


def validate(objects: Sequence[ResultObject], job: ResultJob) -> None:
    """Hold the objects of one job against each other and against the images they were made from.

    Raises
    ------
    ObjectsInvalid
        With every contradiction.
    """
    made = {one.sop_instance_uid for one in objects}
    known = made | {str(header.SOPInstanceUID) for series in job.series for header in series.headers}
    faults = [
        f"{one.kind} {one.name}: {fault}"
        for one in objects
        for fault in (*_identity_faults(one, job), *_reference_faults(one, known), *_kind_faults(one, job))
    ]
    faults += [
        f"SOPInstanceUID {uid} occurs {count} times"
        for uid, count in Counter(one.sop_instance_uid for one in objects).items()
        if count > 1
    ]
    if faults:
        raise ObjectsInvalid(tuple(faults))


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
    for element in dataset:
        if element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)
        elif element.VR == "SQ" and element.keyword not in COPIED_FROM_STUDY:
            for item in element.value:
                yield from _referenced(item)


def _kind_faults(one: ResultObject, job: ResultJob) -> Iterator[str]:
    if one.kind == "SEG":
        yield from _seg_faults(one.dataset, job)
    elif one.kind == "SR":
        yield from _sr_faults(one.dataset)


def _seg_faults(seg: Dataset, job: ResultJob) -> Iterator[str]:
    references = {str(item.SeriesInstanceUID) for item in seg.get("ReferencedSeriesSequence", ())}
    sources = [series for series in job.series if series.series_instance_uid in references]
    if not sources:
        yield "ReferencedSeriesSequence names no series of this job"  # OHIF then shows nothing
    frames = {series.grid.frame_of_reference_uid for series in sources if series.grid is not None}
    if seg.get("FrameOfReferenceUID") not in frames:
        yield "FrameOfReferenceUID is not that of its source"
    if not seg.get("NumberOfFrames"):
        yield "has no frames"
    segments = seg.get("SegmentSequence", ())
    if [int(item.SegmentNumber) for item in segments] != list(range(1, len(segments) + 1)):
        yield "segment numbers are not 1 to n without gaps"
    for item in segments:
        for keyword in ("TrackingUID", "TrackingID", "RecommendedDisplayCIELabValue"):
            if keyword not in item:
                yield f"segment {item.SegmentNumber} has no {keyword}"
        if not item.get("SegmentationAlgorithmIdentificationSequence"):
            yield f"segment {item.SegmentNumber} does not say by which algorithm it was made"
    yield from _repeated([str(item.get("TrackingUID", "")) for item in segments])


def _sr_faults(sr: Dataset) -> Iterator[str]:
    groups = [item for item in _content(sr) if _name(item) == ("125007", "DCM")]
    if not groups:
        yield "has no measurement group"
    uids = []
    for number, group in enumerate(groups, start=1):
        names = {_name(item): item for item in group.get("ContentSequence", ())}
        if TRACKING_UID not in names:
            yield f"measurement group {number} has no tracking UID"
        else:
            uids.append(str(names[TRACKING_UID].UID))
        if ALGORITHM_NAME not in names:
            yield f"measurement group {number} does not say by which algorithm it was made"
    yield from _repeated(uids)


def _content(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from _content(child)


def _name(item: Dataset) -> tuple[str, str]:
    concepts = item.get("ConceptNameCodeSequence")
    return (
        (str(concepts[0].get("CodeValue", "")), str(concepts[0].CodingSchemeDesignator))
        if concepts
        else ("", "")
    )


def _repeated(uids: Sequence[str]) -> Iterator[str]:
    for uid, count in Counter(uids).items():
        if count > 1:
            yield f"tracking UID {uid} is used {count} times"
