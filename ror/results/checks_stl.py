"""What a model must say, and what it must say the same as its source images (PS3.3 A.85.1, C.35.1)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ror.results.model import ResultJob

__all__ = ["stl_faults"]


def stl_faults(stl: Dataset, job: ResultJob) -> Iterator[str]:
    """Faults of one Encapsulated STL."""
    references = {str(item.SeriesInstanceUID) for item in stl.get("ReferencedSeriesSequence", ())}
    sources = [series for series in job.series if series.series_instance_uid in references]
    if not sources:
        yield "ReferencedSeriesSequence names no series of this job"
    frames = {series.grid.frame_of_reference_uid for series in sources if series.grid is not None}
    if stl.get("FrameOfReferenceUID") not in frames:
        yield "FrameOfReferenceUID is not that of its source"
    units = [str(item.CodeValue) for item in stl.get("MeasurementUnitsCodeSequence", ())]
    if units != ["mm"]:
        yield "is not measured in millimetres"
    document = stl.get("EncapsulatedDocument", b"")
    triangles = int.from_bytes(document[80:84], "little")
    if not triangles or stl.get("EncapsulatedDocumentLength") != 84 + 50 * triangles:
        yield "holds no binary STL"
