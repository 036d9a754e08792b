"""A segmentation as OHIF stores it: its own file, with the places, voxels and labels of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

__all__ = ["stored_by_ohif"]

_OF_OHIF = Path(__file__).parents[1] / "results" / "sent_back" / "ohif-labelmap.dcm"
_OF_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "PatientID", "PatientName", "FrameOfReferenceUID")


def stored_by_ohif(images: Sequence[Dataset], labels: np.ndarray, segments: Mapping[int, str]) -> Dataset:
    """A label map drawn on images: slice k of `labels` (uint8) on the k-th of them; each has a frame."""
    seg = dcmread(_OF_OHIF)
    for keyword in _OF_STUDY:
        setattr(seg, keyword, images[0].get(keyword))
    seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = generate_uid(None)
    seg.SeriesInstanceUID = generate_uid(None)
    seg.ReferencedSeriesSequence[0].SeriesInstanceUID = images[0].SeriesInstanceUID
    frame, segment = seg.PerFrameFunctionalGroupsSequence[0], seg.SegmentSequence[0]
    seg.PerFrameFunctionalGroupsSequence = [_frame(frame, image) for image in images]
    seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = images[
        0
    ].ImageOrientationPatient
    seg.SegmentSequence = [_segment(segment, number, label) for number, label in segments.items()]
    seg.Rows, seg.Columns, seg.NumberOfFrames = images[0].Rows, images[0].Columns, len(images)
    seg.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    seg["PixelData"].VR = "OB"
    seg.PixelData = labels.astype(np.uint8).tobytes()
    seg["PixelData"].is_undefined_length = False
    return seg


def _frame(of_ohif: Dataset, image: Dataset) -> Dataset:
    frame = deepcopy(of_ohif)
    source = frame.DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedSOPInstanceUID = image.SOPInstanceUID
    frame.PlanePositionSequence[0].ImagePositionPatient = image.ImagePositionPatient
    frame.PlaneOrientationSequence[0].ImageOrientationPatient = image.ImageOrientationPatient
    return frame


def _segment(of_ohif: Dataset, number: int, label: str) -> Dataset:
    segment = deepcopy(of_ohif)
    segment.SegmentNumber, segment.SegmentLabel = number, label
    return segment
