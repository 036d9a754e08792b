"""Label map → RT Structure Set (PS3.3 A.19), for treatment planning systems and viewers without segmentations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from containers import Segment
from ror.archive.geometry import Stack
from ror.results.contours import Points
from ror.results.equipment import (
    algorithm_item,
    concept,
    content_description,
    require_frame_of_reference,
    stamp,
)
from ror.results.keyholes import keyholed
from ror.results.model import LabelMap, ResultJob, SourceSeries
from ror.results.objects import new_object, reference
from ror.results.pictures import color_of
from ror.results.superseded import earlier_objects

__all__ = ["encode_rtstruct"]

FIRST_SERIES_NUMBER = 9401
# Detached Study Management is retired, and what everybody writes here (PS3.3 C.8.8.5).
DETACHED_STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"


def encode_rtstruct(mask: LabelMap, seg: Dataset | None, job: ResultJob, index: int = 0) -> Dataset | None:
    """Encode the outlines of a mask, a closed planar contour for each connected area of a slice.

    They run along the edges of voxels; holes are keyholes. A region of interest has the number of its segment.

    Parameters
    ----------
    seg
        The segmentation of the same mask, to which each region refers as its source.
    index
        Position of the mask in the manifest; decides the series number.

    Returns
    -------
    Dataset or None
        None when the mask is empty.

    Raises
    ------
    EncodeError
        The source images have no frame of reference, or lack UIDs.
    """
    segments = [one for one in mask.announced.segments if one.value in mask.present]
    source = job.series_named(mask.announced.on)
    assert source is not None and source.grid is not None  # the mask was read on it
    if not segments:
        return None
    frame_of_reference_uid = require_frame_of_reference(source)
    name = mask.announced.name
    role = f"rtstruct/{name}"
    made = new_object(job, source, RTStructureSetStorage, "RTSTRUCT", FIRST_SERIES_NUMBER + index, role)
    # A contour may take more than the 64 KiB that a decimal string has with explicit VR (PS3.5 7.1.2).
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    made.OperatorsName = None
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame_of_reference_uid, None
    made.StructureSetLabel = name[:16]
    made.StructureSetDescription = content_description(job)
    made.StructureSetDate = job.finished_at.strftime("%Y%m%d")
    made.StructureSetTime = job.finished_at.strftime("%H%M%S")
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(frame_of_reference_uid, source)]
    made.StructureSetROISequence = [_region(one, frame_of_reference_uid, seg, job) for one in segments]
    made.ROIContourSequence = [_contours(one, mask, source) for one in segments]
    made.RTROIObservationsSequence = [_observation(one) for one in segments]
    made.ApprovalStatus = "UNAPPROVED"
    if earlier := earlier_objects(job.supersedes, role):
        made.PredecessorStructureSetSequence = [
            _item(ReferencedSOPClassUID=one.sop_class_uid, ReferencedSOPInstanceUID=one.sop_uid)
            for one in earlier
        ]
    return stamp(made, job, f"{job.workflow} {name} contours")


def _frame_of_reference(uid: str, source: SourceSeries) -> Dataset:
    series = _item(
        SeriesInstanceUID=source.series_instance_uid,
        ContourImageSequence=[reference(header) for header in source.headers],
    )
    study = _item(
        ReferencedSOPClassUID=DETACHED_STUDY_MANAGEMENT,
        ReferencedSOPInstanceUID=source.study_instance_uid,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=uid, RTReferencedStudySequence=[study])


def _region(segment: Segment, frame_of_reference_uid: str, seg: Dataset | None, job: ResultJob) -> Dataset:
    made = _item(
        ROINumber=segment.value,
        ReferencedFrameOfReferenceUID=frame_of_reference_uid,
        ROIName=segment.label,
        ROIGenerationAlgorithm="AUTOMATIC",
        ROIDerivationAlgorithmIdentificationSequence=algorithm_item(job),
    )
    if seg is not None:
        made.DefinitionSourceSequence = [reference(seg)]
        made.DefinitionSourceSequence[0].ReferencedSegmentNumber = segment.value
    return made


def _contours(segment: Segment, mask: LabelMap, source: SourceSeries) -> Dataset:
    slices = np.flatnonzero(mask.voxels[:, segment.value]).tolist()
    found = [one for k in slices for one in _of_slice(segment, k, mask, source)]
    for number, contour in enumerate(found, start=1):
        contour.ContourNumber = number
    return _item(
        ROIDisplayColor=list(color_of(segment)), ReferencedROINumber=segment.value, ContourSequence=found
    )


def _of_slice(segment: Segment, k: int, mask: LabelMap, source: SourceSeries) -> Iterator[Dataset]:
    header, grid = source.headers[k], source.grid
    assert grid is not None  # the mask was read on it
    for polygon in keyholed(mask.labels[k] == segment.value):
        yield _item(
            ContourImageSequence=[reference(header)],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(polygon),
            ContourData=[f"{value:.4f}" for value in _in_patient(polygon, header, grid).ravel().tolist()],
        )


def _in_patient(polygon: Points, header: Dataset, grid: Stack) -> Points:
    """Millimetres of corners; the centre of the first pixel lies at ImagePositionPatient (PS3.3 C.7.6.2.1.1)."""
    across, down = np.array(grid.orientation[:3]), np.array(grid.orientation[3:])
    columns, rows = (polygon - 0.5).T * np.array([[grid.spacing_mm[2]], [grid.spacing_mm[1]]])
    return (
        np.array(header.ImagePositionPatient, np.float64) + np.outer(columns, across) + np.outer(rows, down)
    )


def _observation(segment: Segment) -> Dataset:
    return _item(
        ObservationNumber=segment.value,
        ReferencedROINumber=segment.value,
        SegmentedPropertyCategoryCodeSequence=[concept(segment.category)],
        RTROIIdentificationCodeSequence=[concept(segment.type)],
        RTROIInterpretedType=None,  # organ or target is for the physician to say
        ROIInterpreter=None,
    )


def _item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made
