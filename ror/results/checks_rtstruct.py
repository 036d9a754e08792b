"""What a structure set must say, and what it must say the same as its source images (PS3.3 A.19)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from ror.results.model import ResultJob

__all__ = ["rtstruct_faults"]

# Coordinates are written to 1e-4 mm.
IN_PLANE_MM = 1e-3


def rtstruct_faults(structures: Dataset, job: ResultJob) -> Iterator[str]:
    """Faults of one RT Structure Set."""
    regions = {int(item.ROINumber) for item in structures.get("StructureSetROISequence", ())}
    if not regions:
        yield "has no region of interest"
    for keyword in ("ROIContourSequence", "RTROIObservationsSequence"):
        if {int(item.ReferencedROINumber) for item in structures.get(keyword, ())} != regions:
            yield f"{keyword} is not of the same regions of interest"
    named = {
        str(item.FrameOfReferenceUID) for item in structures.get("ReferencedFrameOfReferenceSequence", ())
    }
    of_job = {series.grid.frame_of_reference_uid for series in job.series if series.grid is not None}
    if not named or not named <= of_job:
        yield "its frame of reference is none of this job"
    yield from _contour_faults(structures, job)


def _contour_faults(structures: Dataset, job: ResultJob) -> Iterator[str]:
    planes = {
        str(header.SOPInstanceUID): (
            np.array(header.ImagePositionPatient, np.float64),
            series.grid.orientation,
        )
        for series in job.series
        if series.grid is not None
        for header in series.headers
    }
    for region in structures.get("ROIContourSequence", ()):
        for contour in region.get("ContourSequence", ()):
            place = f"contour {contour.get('ContourNumber')} of region {region.ReferencedROINumber}"
            plane = planes.get(str(contour.ContourImageSequence[0].ReferencedSOPInstanceUID))
            points = np.array(contour.ContourData, np.float64).reshape(-1, 3)
            if len(points) != contour.NumberOfContourPoints or len(points) < 3:
                yield f"{place} says that it has {contour.NumberOfContourPoints} points"
            if plane is None:
                yield f"{place} lies on an image that is not of this job"
                continue
            position, orientation = plane
            normal = np.cross(orientation[:3], orientation[3:])
            if np.abs((points - position) @ normal).max() > IN_PLANE_MM:
                yield f"{place} does not lie in the plane of its image"
