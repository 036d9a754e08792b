"""What a report must say, and what it must say the same as the segmentations beside it (PS3.16 TID 1500)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from pydicom.dataset import Dataset

from ror.results.model import ResultJob

__all__ = ["repeated", "sr_faults"]

MEASUREMENT_GROUP = ("125007", "DCM")
TRACKING_UID = ("112040", "DCM")
ALGORITHM_NAME = ("111001", "DCM")
REFERENCED_SEGMENT = ("121191", "DCM")
IMAGE_REGION = ("111030", "DCM")
FINDING = ("121071", "DCM")

Item: TypeAlias = Dataset
Segments: TypeAlias = Mapping[tuple[str, int], Dataset]


def sr_faults(sr: Dataset, segs: Sequence[Dataset], job: ResultJob) -> Iterator[str]:
    """Faults of one report; `segs` are the segmentations of the same job."""
    segments = {
        (str(seg.SOPInstanceUID), int(item.SegmentNumber)): item
        for seg in segs
        for item in seg.get("SegmentSequence", ())
    }
    sizes = {
        str(header.SOPInstanceUID): (header.Columns, header.Rows)
        for series in job.series
        for header in series.headers
    }
    groups = [item for item in _content(sr) if _name(item) == MEASUREMENT_GROUP]
    if not groups:
        yield "has no measurement group"
    uids: dict[str, list[str]] = {}
    for number, group in enumerate(groups, start=1):
        items = {_name(item): item for item in group.get("ContentSequence", ())}
        if TRACKING_UID in items:
            kind = "outline" if IMAGE_REGION in items else "group"
            uids.setdefault(kind, []).append(str(items[TRACKING_UID].UID))
        else:
            yield f"measurement group {number} has no tracking UID"
        if ALGORITHM_NAME not in items:
            yield f"measurement group {number} does not say by which algorithm it was made"
        faults = (*_segment_faults(items, segments), *_region_faults(items, sizes))
        yield from (f"measurement group {number} {fault}" for fault in faults)
    # An outline tracks the same as the group of its segment: once as each.
    for several in uids.values():
        yield from repeated(several)


def repeated(uids: Sequence[str]) -> Iterator[str]:
    """Tracking UIDs that do not tell apart what they track."""
    for uid, count in Counter(uids).items():
        if count > 1:
            yield f"tracking UID {uid} is used {count} times"


def _segment_faults(items: Mapping[tuple[str, str], Item], segments: Segments) -> Iterator[str]:
    reference = items.get(REFERENCED_SEGMENT)
    if reference is None:
        return
    image = reference.ReferencedSOPSequence[0]
    number = image.get("ReferencedSegmentNumber")
    segment = segments.get((str(image.ReferencedSOPInstanceUID), int(number or 0)))
    if segment is None:
        yield "refers to a segment that no segmentation of this job has"
        return
    tracking, finding = items.get(TRACKING_UID), items.get(FINDING)
    if tracking is not None and segment.get("TrackingUID") != tracking.UID:
        yield "has another tracking UID than its segment"
    if finding is not None and _code(finding.ConceptCodeSequence[0]) != _code(
        segment.SegmentedPropertyTypeCodeSequence[0]
    ):
        yield "has another finding than its segment"


def _region_faults(
    items: Mapping[tuple[str, str], Item], sizes: Mapping[str, tuple[int, int]]
) -> Iterator[str]:
    region = items.get(IMAGE_REGION)
    if region is None:
        return
    image = region.ContentSequence[0].ReferencedSOPSequence[0]
    size = sizes.get(str(image.ReferencedSOPInstanceUID))
    if size is None:
        yield "is drawn on an image that is not of this job"
        return
    points = np.asarray(region.GraphicData, np.float64).reshape(-1, 2)
    if (points < 0).any() or (points > size).any():
        yield "is drawn beside its image"


def _content(item: Item) -> Iterator[Item]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from _content(child)


def _name(item: Item) -> tuple[str, str]:
    concepts = item.get("ConceptNameCodeSequence")
    return _code(concepts[0]) if concepts else ("", "")


def _code(concept: Item) -> tuple[str, str]:
    return str(concept.get("CodeValue", "")), str(concept.get("CodingSchemeDesignator", ""))
