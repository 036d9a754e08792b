"""Meshes as Encapsulated STL (PS3.3 A.85.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import PurePosixPath

from highdicom.color import CIELabColor
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedSTLStorage

from containers import Segment
from ror.results.equipment import (
    algorithm_item,
    content_description,
    require_frame_of_reference,
    stamp,
)
from ror.results.model import Outputs, ResultJob
from ror.results.objects import encapsulated, new_object, reference, referenced_series
from ror.results.pictures import COLORS, color_of
from ror.results.stl import Mesh, binary_stl
from ror.results.superseded import predecessor_documents

__all__ = ["encode_meshes"]

SERIES_NUMBER = 9300
MILLIMETER = CodedConcept("mm", "UCUM", "millimeter")
# CID 7064 has no such usage, and may be extended.
FOR_RESEARCH = CodedConcept("113008", "DCM", "For Research")
# CID 7061.
TITLES = {
    "CT": CodedConcept.from_code(codes.cid7061.CT3DCAMModel),
    "MR": CodedConcept.from_code(codes.cid7061.MR3DCAMModel),
    "US": CodedConcept.from_code(codes.cid7061.US3DCAMModel),
}


def encode_meshes(
    outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob
) -> Iterator[tuple[str, Dataset]]:
    """Encode each mesh that lies on a series, with its name.

    Parameters
    ----------
    segs
        The encoded segmentations by mask name: a mesh of a segment refers to its own.

    Raises
    ------
    EncodeError
        The source images have no frame of reference, or lack UIDs.
    """
    for number, mesh in enumerate(outputs.meshes, start=1):
        yield mesh.name, _encode(mesh, number, outputs, segs, job)


def _encode(
    mesh: Mesh, number: int, outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob
) -> Dataset:
    source = job.series_named(mesh.announced.on or "")
    assert source is not None  # the mesh was held against it
    frame_of_reference_uid = require_frame_of_reference(source)
    mask, value = mesh.announced.segment_of or ("", 0)
    segment = _segment(outputs, mask, value)
    title = segment.label if segment else PurePosixPath(mesh.name).stem
    role = f"mesh/{mesh.name}"
    made = new_object(
        job, source, EncapsulatedSTLStorage, "M3D", SERIES_NUMBER, f"mesh/{source.name}", number, role
    )
    concept = TITLES.get(str(source.headers[0].get("Modality", "")))
    encapsulated(made, binary_stl(mesh.triangles), "model/stl", title, concept, [source])
    made.ReferencedSeriesSequence = [referenced_series(source.headers)]
    if seg := segs.get(mask):
        made.SourceInstanceSequence.append(reference(seg))
        made.ReferencedSeriesSequence.append(referenced_series([seg]))
    made.FrameOfReferenceUID = frame_of_reference_uid
    made.PositionReferenceIndicator = None
    made.MeasurementUnitsCodeSequence = [deepcopy(MILLIMETER)]
    made.ModelModification = made.ModelMirroring = "NO"
    made.ModelUsageCodeSequence = [deepcopy(FOR_RESEARCH)]
    made.DerivationAlgorithmSequence = algorithm_item(job)
    color = color_of(segment) if segment else COLORS[0]
    made.RecommendedDisplayCIELabValue = list(CIELabColor.from_rgb(*color).value)
    made.ContentDescription = content_description(job)
    if earlier := predecessor_documents(job.supersedes, role, report=False):
        made.PredecessorDocumentsSequence = earlier
    return stamp(made, job, f"{job.workflow} models")


def _segment(outputs: Outputs, mask: str, value: int) -> Segment | None:
    return next(
        (
            segment
            for one in outputs.masks
            if one.announced.name == mask
            for segment in one.announced.segments
            if segment.value == value
        ),
        None,
    )
