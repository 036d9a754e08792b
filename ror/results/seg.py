"""Label map → DICOM Segmentation (PS3.3 A.51): BINARY, the form that every PACS takes, unless the manifest says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.seg.enum import SegmentAlgorithmTypeValues
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import ExplicitVRLittleEndian

from containers import Segment
from ror.results.equipment import (
    MANUFACTURER,
    algorithm_item,
    concept,
    content_description,
    detached,
    long_text,
    require_frame_of_reference,
    short_digest,
    stamp,
)
from ror.results.errors import EncodeError
from ror.results.frames import Frame, frames_of, per_frame, source_references
from ror.results.model import LabelMap, ResultJob, SourceSeries
from ror.results.pictures import color_of
from ror.results.uids import derive_uid

__all__ = ["encode_seg", "tracking_id", "tracking_uid"]

FIRST_SERIES_NUMBER = 9001
TYPES = {
    "binary": SegmentationTypeValues.BINARY,
    "labelmap": SegmentationTypeValues.LABELMAP,
    "fractional": SegmentationTypeValues.FRACTIONAL,
}


def tracking_uid(job: ResultJob, mask: str, value: int) -> str:
    """UID of what a segment marks; the same in SEG and SR (PS3.16 TID 1411)."""
    return derive_uid(job.job_id, f"tracking/{mask}/{value}")


def seg_uid(job_id: str, mask: str) -> str:
    """SOP Instance UID of the segmentation of a mask as the program of a job made it."""
    return derive_uid(job_id, f"seg/{mask}")


def tracking_id(job: ResultJob, mask: str, segment: Segment) -> str:
    """Name of what a segment marks."""
    return long_text(f"{job.workflow} {mask}/{segment.value} {segment.label}")


def encode_seg(mask: LabelMap, job: ResultJob, index: int = 0) -> Dataset | None:
    """Encode a label map as a DICOM Segmentation.

    Parameters
    ----------
    mask
        On the grid of its series. Segments that do not occur are described, but have no frames.
    index
        Position of the mask in the manifest; decides the series number.

    Returns
    -------
    Dataset or None
        None when the mask is empty: a SEG needs frames, and one of empty frames says nothing.

    Raises
    ------
    EncodeError
        The source images have no frame of reference, or lack UIDs.
    """
    filled = mask.filled
    if not filled[:, 1:].any():
        return None
    announced = mask.announced
    series = job.series_named(announced.on)
    if series is None or series.grid is None or len(series.headers) != len(mask.labels):
        raise EncodeError(f"the mask {announced.name} has no volume {announced.on!r} to lie on")
    require_frame_of_reference(series)
    if mask.corrected is not None:
        job = replace(job, finished_at=mask.corrected.at)
    seg = _frameless(mask, series, job, index)
    frames = frames_of(filled, together=announced.encoding == "labelmap")
    seg.NumberOfFrames = len(frames)
    seg.PixelData = _pixels(mask, frames)
    correct_ambiguous_vr(seg, is_little_endian=True)
    one_segment = "SegmentIdentificationSequence" in seg.SharedFunctionalGroupsSequence[0]
    for replaced in (per_frame(frames, series, one_segment=one_segment), *source_references(series)):
        seg[replaced.tag] = replaced
    stamp(seg, job, f"{job.workflow} {announced.name}{' corrected' if mask.corrected else ''}")
    # What is unparsed is in the encoding of the file and has no letters: else pydicom takes it apart to write it.
    character_set = convert_encodings(seg.SpecificCharacterSet)
    seg.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=character_set)
    return seg


def _frameless(mask: LabelMap, series: SourceSeries, job: ResultJob, index: int) -> Dataset:
    """Everything but what is of single frames: highdicom makes a segmentation of one voxel, with all segments."""
    announced, corrected = mask.announced, mask.corrected
    series_role = f"seg/{announced.name}/series"
    voxel = np.zeros(
        (2, *mask.labels.shape[1:]), np.float32 if announced.encoding == "fractional" else mask.labels.dtype
    )
    voxel[0, 0, 0] = 1
    made = Segmentation(
        source_images=detached(series.headers[:2]),
        pixel_array=voxel,
        segmentation_type=TYPES[announced.encoding],
        segment_descriptions=[_describe(job, mask, segment) for segment in announced.segments],
        series_instance_uid=derive_uid(
            job.job_id, f"{series_role}/{corrected.sop_uid}" if corrected else series_role
        ),
        series_number=FIRST_SERIES_NUMBER + index,
        sop_instance_uid=corrected.sop_uid if corrected else seg_uid(job.job_id, announced.name),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=long_text(job.workflow),
        software_versions=long_text(job.version),
        device_serial_number=short_digest(job.image_digest),
        content_label=_content_label(announced.name),
        content_description=content_description(job),
        content_creator_name=f"{MANUFACTURER}^",  # a name of one component
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
    )
    # Whether the planes that hold something follow each other is not known of one voxel.
    if "DimensionOrganizationType" in made:
        del made.DimensionOrganizationType
    return made


def _pixels(mask: LabelMap, frames: Sequence[Frame]) -> bytes:
    """The frames one after another, of an even length; bits of BINARY without gaps (PS3.5 8.1.1)."""
    if mask.fractions is not None:
        pixels = b"".join(mask.fractions[frame.slice].data for frame in frames)
    elif mask.announced.encoding == "labelmap":
        pixels = b"".join(mask.labels[frame.slice].data for frame in frames)
    else:
        pixels = _bits([mask.labels[frame.slice] == frame.segment for frame in frames])
    return pixels + b"\0" * (len(pixels) % 2)


def _bits(planes: Sequence[NDArray[np.bool_]]) -> bytes:
    if planes[0].size % 8 == 0:
        return b"".join(np.packbits(plane, bitorder="little").tobytes() for plane in planes)
    return np.packbits(np.concatenate([plane.ravel() for plane in planes]), bitorder="little").tobytes()


def _describe(job: ResultJob, mask: LabelMap, segment: Segment) -> SegmentDescription:
    name, types = mask.announced.name, SegmentAlgorithmTypeValues
    return SegmentDescription(
        segment_number=segment.value,
        segment_label=segment.label,
        segmented_property_category=concept(segment.category),
        segmented_property_type=concept(segment.type),
        algorithm_type=types.SEMIAUTOMATIC if mask.corrected else types.AUTOMATIC,
        algorithm_identification=algorithm_item(job),
        tracking_uid=tracking_uid(job, name, segment.value),
        tracking_id=tracking_id(job, name, segment),
        display_color=CIELabColor.from_rgb(*color_of(segment)),
    )


def _content_label(name: str) -> str:
    """A code string (PS3.5 6.2): upper case, digits, blank and underscore, at most 16 characters."""
    return re.sub(r"[^A-Z0-9_ ]", "_", name.upper())[:16].strip()
