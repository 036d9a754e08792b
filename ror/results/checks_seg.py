"""What a segmentation must say, and what it must say the same as its source images (PS3.3 C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydicom.dataset import Dataset

from ror.results.checks_sr import repeated
from ror.results.explicit import encoded, values_in
from ror.results.model import ResultJob, SourceSeries

__all__ = ["seg_faults"]

# Decimal strings of a frame and of its source may be written with more or fewer digits.
SAME_PLACE_MM = 1e-3


def seg_faults(seg: Dataset, job: ResultJob) -> Iterator[str]:
    """Faults of one segmentation."""
    references = {str(item.SeriesInstanceUID) for item in seg.get("ReferencedSeriesSequence", ())}
    sources = [series for series in job.series if series.series_instance_uid in references]
    if not sources:
        yield "ReferencedSeriesSequence names no series of this job"  # OHIF then shows nothing
    frames = {series.grid.frame_of_reference_uid for series in sources if series.grid is not None}
    if seg.get("FrameOfReferenceUID") not in frames:
        yield "FrameOfReferenceUID is not that of its source"
    if not seg.get("NumberOfFrames"):
        yield "has no frames"
    yield from _frame_faults(seg, sources)
    yield from _segment_faults(seg)


def _frame_faults(seg: Dataset, sources: Sequence[SourceSeries]) -> Iterator[str]:
    positions = values_in(encoded(seg, "PerFrameFunctionalGroupsSequence"), "ImagePositionPatient", b"DS")
    if len(positions) != int(seg.get("NumberOfFrames") or 0):
        yield f"says where {len(positions)} of its {seg.get('NumberOfFrames')} frames lie"
    known = [header.ImagePositionPatient for s in sources if s.grid is not None for header in s.headers]
    if not known or not positions:
        return
    places = np.array([one.split("\\") for one in sorted(set(positions))], np.float64)
    apart = np.linalg.norm(places[:, None] - np.array(known, np.float64)[None], axis=2).min(axis=1)
    if beside := int((apart > SAME_PLACE_MM).sum()):
        yield f"has frames in {beside} planes where its source has none"


def _segment_faults(seg: Dataset) -> Iterator[str]:
    # A label map also describes its background, as segment 0 (PS3.3 C.8.20.2).
    segments = [item for item in seg.get("SegmentSequence", ()) if int(item.SegmentNumber)]
    if [int(item.SegmentNumber) for item in segments] != list(range(1, len(segments) + 1)):
        yield "segment numbers are not 1 to n without gaps"
    for item in segments:
        for keyword in ("TrackingUID", "TrackingID", "RecommendedDisplayCIELabValue"):
            if keyword not in item:
                yield f"segment {item.SegmentNumber} has no {keyword}"
        if not item.get("SegmentationAlgorithmIdentificationSequence"):
            yield f"segment {item.SegmentNumber} does not say by which algorithm it was made"
    yield from repeated([str(item.get("TrackingUID", "")) for item in segments])
