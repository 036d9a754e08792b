"""What a segmentation says of its frames and its sources (PS3.3 C.7.6.16, C.8.20.3), for many frames at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from ror.results.explicit import element, item, sequence, uid, unparsed
from ror.results.model import SourceSeries

__all__ = ["Frame", "frames_of", "per_frame", "source_references"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One plane of one segment; segment 0 is that of a label map, which holds all segments."""

    segment: int
    slice: int


def frames_of(voxels: NDArray[np.int64], *, together: bool) -> list[Frame]:
    """The frames that hold something, by segment, and against the normal as highdicom orders them.

    Parameters
    ----------
    voxels : shape (slices, values)
        As in `LabelMap`.
    together
        One frame for all segments of a plane.
    """
    if together:
        return [Frame(0, int(k)) for k in np.flatnonzero(voxels[:, 1:].any(axis=1))[::-1]]
    values, slices = np.nonzero(voxels[::-1, 1:].T)
    last = len(voxels) - 1
    return [Frame(int(value) + 1, last - int(k)) for value, k in zip(values, slices, strict=True)]


def per_frame(frames: Sequence[Frame], source: SourceSeries, *, one_segment: bool) -> RawDataElement:
    """Derivation image, dimension indices, position and segment of each frame.

    Parameters
    ----------
    one_segment
        All frames are of one segment, which is said for all of them elsewhere.
    """
    planes = sorted({frame.slice for frame in frames}, reverse=True)
    index = {k: number for number, k in enumerate(planes, start=1)}
    derived = {k: _derivation(source.headers[k]) for k in planes}
    placed = {k: _position(source.headers[k]) for k in planes}
    return unparsed(
        "PerFrameFunctionalGroupsSequence",
        (
            item(
                derived[frame.slice],
                _content(frame, index[frame.slice]),
                placed[frame.slice],
                b"" if one_segment or not frame.segment else _identification(frame.segment),
            )
            for frame in frames
        ),
    )


def source_references(source: SourceSeries) -> tuple[RawDataElement, RawDataElement]:
    """ReferencedSeriesSequence and SourceImageSequence: all images of the series."""
    images = [item(*_reference(header)) for header in source.headers]
    series = item(
        sequence("ReferencedInstanceSequence", *images),
        uid("SeriesInstanceUID", source.series_instance_uid),
    )
    return unparsed("ReferencedSeriesSequence", [series]), unparsed("SourceImageSequence", images)


def _reference(header: Dataset) -> tuple[bytes, bytes]:
    return (
        uid("ReferencedSOPClassUID", str(header.SOPClassUID)),
        uid("ReferencedSOPInstanceUID", str(header.SOPInstanceUID)),
    )


def _derivation(header: Dataset) -> bytes:
    source = item(
        *_reference(header),
        element("SpatialLocationsPreserved", b"CS", b"YES "),
        _code("PurposeOfReferenceCodeSequence", b"121322", b"Source image for image processing operation"),
    )
    return sequence(
        "DerivationImageSequence",
        item(
            sequence("SourceImageSequence", source),
            _code("DerivationCodeSequence", b"113076", b"Segmentation"),
        ),
    )


@cache
def _code(keyword: str, value: bytes, meaning: bytes) -> bytes:
    """A code of DICOM's own scheme (PS3.3 8.8)."""
    return sequence(
        keyword,
        item(
            element("CodeValue", b"SH", value + b" " * (len(value) % 2)),
            element("CodingSchemeDesignator", b"SH", b"DCM "),
            element("CodeMeaning", b"LO", meaning + b" " * (len(meaning) % 2)),
        ),
    )


def _content(frame: Frame, plane: int) -> bytes:
    indices = (frame.segment, plane) if frame.segment else (plane,)
    return sequence(
        "FrameContentSequence",
        item(element("DimensionIndexValues", b"UL", struct.pack(f"<{len(indices)}I", *indices))),
    )


def _position(header: Dataset) -> bytes:
    # The very digits of the source.
    place = "\\".join(str(value) for value in header.ImagePositionPatient).encode("ascii")
    return sequence(
        "PlanePositionSequence",
        item(element("ImagePositionPatient", b"DS", place + b" " * (len(place) % 2))),
    )


def _identification(segment: int) -> bytes:
    return sequence(
        "SegmentIdentificationSequence",
        item(element("ReferencedSegmentNumber", b"US", struct.pack("<H", segment))),
    )
