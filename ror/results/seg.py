"""Label map → DICOM Segmentation (PS3.3 A.51), BINARY: the form that every PACS takes."""

from __future__ import annotations

import re

from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.seg.enum import SegmentAlgorithmTypeValues
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from containers import Segment
from ror.results.equipment import (
    MANUFACTURER,
    RESEARCH_USE,
    algorithm_item,
    concept,
    detached,
    long_text,
    require_uids,
    short_digest,
    stamp,
)
from ror.results.errors import EncodeError
from ror.results.model import LabelMap, ResultJob
from ror.results.pictures import color_of
from ror.results.uids import derive_uid

__all__ = ["encode_seg", "tracking_id", "tracking_uid"]

FIRST_SERIES_NUMBER = 9001


def tracking_uid(job: ResultJob, mask: str, value: int) -> str:
    """UID of what a segment marks; the same in SEG and SR (PS3.16 TID 1411)."""
    return derive_uid(job.job_id, f"tracking/{mask}/{value}")


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
    if mask.empty:
        return None
    announced = mask.announced
    series = job.series_named(announced.on)
    if series is None or series.grid is None or len(series.headers) != len(mask.labels):
        raise EncodeError(f"the mask {announced.name} has no volume {announced.on!r} to lie on")
    require_uids(series)
    if not series.grid.frame_of_reference_uid:
        raise EncodeError(
            f"the series {announced.on!r} has no FrameOfReferenceUID, so a segmentation cannot refer to it",
            "Let the de-identification profile map FrameOfReferenceUID instead of removing it.",
        )
    seg = Segmentation(
        source_images=detached(series.headers),
        pixel_array=mask.labels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(job, announced.name, segment) for segment in announced.segments],
        series_instance_uid=derive_uid(job.job_id, f"seg/{announced.name}/series"),
        series_number=FIRST_SERIES_NUMBER + index,
        sop_instance_uid=derive_uid(job.job_id, f"seg/{announced.name}"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=long_text(job.workflow),
        software_versions=long_text(job.version),
        device_serial_number=short_digest(job.image_digest),
        content_label=_content_label(announced.name),
        content_description=RESEARCH_USE,
        content_creator_name=f"{MANUFACTURER}^",  # a name of one component
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
    )
    return stamp(seg, job, f"{job.workflow} {announced.name}")


def _describe(job: ResultJob, mask: str, segment: Segment) -> SegmentDescription:
    return SegmentDescription(
        segment_number=segment.value,
        segment_label=segment.label,
        segmented_property_category=concept(segment.category),
        segmented_property_type=concept(segment.type),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm_item(job),
        tracking_uid=tracking_uid(job, mask, segment.value),
        tracking_id=tracking_id(job, mask, segment),
        display_color=CIELabColor.from_rgb(*color_of(segment)),
    )


def _content_label(name: str) -> str:
    """A code string (PS3.5 6.2): upper case, digits, blank and underscore, at most 16 characters."""
    return re.sub(r"[^A-Z0-9_ ]", "_", name.upper())[:16].strip()
