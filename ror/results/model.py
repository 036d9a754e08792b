"""What results are made of: the job, the series it worked on, and what its program wrote, all checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from containers import FileOutput, MaskOutput, Measurement
from ror.archive.geometry import GeometryMismatch, Stack, stack
from ror.results.stl import Mesh
from ror.results.superseded import Earlier

__all__ = [
    "Captures",
    "Corrected",
    "KeptFile",
    "LabelMap",
    "Labels",
    "Outputs",
    "ResultJob",
    "ResultObject",
    "Row",
    "SourceSeries",
]

Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Captures: TypeAlias = Literal["none", "key", "all"]

# The least stored probability that is one half or more, of 255.
HALF = 128
# Up to so many it is faster to compare a plane with each.
FEW_VALUES = 8
# Results copy the Patient and Study modules of their sources; a de-identifier may have taken away what it
# should only have emptied.
TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """One series that a job worked on.

    Attributes
    ----------
    name
        As the select statement calls it.
    headers
        One data set per image, without pixels; in order along the slice normal when `grid` is not None. Not
        to be changed.
    grid
        The volume; None when the images are none, and then `geometry_fault` says why.
    files
        Where the images are, in the order of `headers`; none for a series that is not on disk.
    """

    name: str
    headers: tuple[Dataset, ...] = field(repr=False, compare=False)
    grid: Stack | None
    geometry_fault: str = ""
    files: tuple[Path, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def read(cls, name: str, files: Sequence[Path]) -> SourceSeries:
        """Read the headers of a series' files, given in any order.

        Raises
        ------
        ValueError
            There are no files.
        """
        if not files:
            raise ValueError(f"the series {name} has no files")
        headers = [_with_type_2(dcmread(file, stop_before_pixels=True)) for file in files]
        try:
            grid = stack(headers)
        except GeometryMismatch as error:
            return cls(name, tuple(headers), None, error.reason, tuple(files))
        in_order = tuple(headers[index] for index in grid.order)
        return cls(name, in_order, grid, files=tuple(files[index] for index in grid.order))

    @property
    def series_instance_uid(self) -> str:
        return str(self.headers[0].SeriesInstanceUID)

    @property
    def study_instance_uid(self) -> str:
        return str(self.headers[0].StudyInstanceUID)

    @property
    def patient_id(self) -> str:
        return str(self.headers[0].get("PatientID") or "")


def _with_type_2(header: Dataset) -> Dataset:
    for keyword in TYPE_2:
        if keyword not in header:
            setattr(header, keyword, None)
    return header


@dataclass(frozen=True, slots=True)
class ResultJob:
    """The facts about a finished run that its results carry.

    Attributes
    ----------
    image_digest
        Of the container image; may begin with ``sha256:``. "" without an image.
    series
        In the order of the select statement.
    finished_at
        When the program ended. Becomes the content date, so that encoding twice gives the same bytes.
    supersedes
        The jobs whose results these replace, the oldest first: objects say so.
    """

    job_id: str
    workflow: str
    version: str
    package_digest: str
    image_digest: str
    series: tuple[SourceSeries, ...]
    finished_at: datetime
    supersedes: tuple[Earlier, ...] = ()

    def series_named(self, name: str) -> SourceSeries | None:
        """The first series of that name, or None."""
        return next((series for series in self.series if series.name == name), None)

    @property
    def study_instance_uids(self) -> frozenset[str]:
        return frozenset(series.study_instance_uid for series in self.series)

    @property
    def patient_ids(self) -> frozenset[str]:
        return frozenset(series.patient_id for series in self.series)


@dataclass(frozen=True, slots=True)
class Corrected:
    """That a mask was corrected by a reader: the UID of the segmentation that it is kept as, and when it came."""

    sop_uid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A mask on the grid of its series.

    Attributes
    ----------
    announced
        Its entry in the manifest: name, series, segments.
    labels
        Unsigned integer, shape (slices, rows, columns), C-contiguous. 0 is background, n the n-th segment.
        Slice k lies on ``headers[k]`` of the series.
    voxels : int64, shape (slices, values)
        How many voxels of a slice hold a value, from 0 to the greatest that occurs.
    fractions : uint8, the same shape
        Of a mask of probabilities: 255 is certain; then `labels` is 1 where they reach one half. None of a mask of
        labels.
    corrected
        None of a mask that is as its program made it.
    """

    announced: MaskOutput
    labels: Labels = field(repr=False, compare=False)
    voxels: NDArray[np.int64] = field(repr=False, compare=False)
    fractions: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    corrected: Corrected | None = None

    @classmethod
    def of(cls, announced: MaskOutput, labels: Labels, corrected: Corrected | None = None) -> LabelMap:
        """Count what occurs where, once for all who ask."""
        values = int(labels.max()) + 1
        voxels = np.array([_counted(plane, values) for plane in labels], np.int64)
        return cls(announced, labels, voxels, corrected=corrected)

    @classmethod
    def of_fractions(cls, announced: MaskOutput, fractions: NDArray[np.uint8]) -> LabelMap:
        """A mask of the probabilities of one segment."""
        labels = (fractions >= HALF).astype(np.uint8)
        some = np.count_nonzero(labels, axis=(1, 2))
        voxels = np.column_stack((labels[0].size - some, some)).astype(np.int64)
        return cls(announced, labels, voxels, fractions)

    @property
    def filled(self) -> NDArray[np.int64]:
        """As `voxels`, but of probabilities all that are not 0: what a segmentation needs frames for."""
        if self.fractions is None:
            return self.voxels
        some = np.count_nonzero(self.fractions, axis=(1, 2))
        return np.column_stack((self.fractions[0].size - some, some)).astype(np.int64)

    @property
    def present(self) -> frozenset[int]:
        """The segment values that occur; a probability does where it reaches one half."""
        return frozenset(int(value) for value in np.flatnonzero(self.voxels.sum(axis=0)) if value)

    def holds(self, value: int) -> bool:
        """Whether there is anything of a segment, however improbable."""
        return value < self.filled.shape[1] and bool(self.filled[:, value].any())

    @property
    def empty(self) -> bool:
        """Nothing was found."""
        return not self.present

    def largest_slice(self, value: int) -> int:
        """The first slice in which as many voxels as in no other hold a value that occurs."""
        return int(self.voxels[:, value].argmax())


def _counted(plane: Labels, values: int) -> NDArray[np.int64]:
    """How many voxels of a plane hold each value from 0."""
    if values > FEW_VALUES:
        return np.bincount(plane.ravel(), minlength=values)  # it makes a copy of 64 bits a voxel
    found = [int(np.count_nonzero(plane == value)) for value in range(1, values)]
    return np.array([plane.size - sum(found), *found], np.int64)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement, in the one canonical form of ``output.json``.

    Attributes
    ----------
    event
        redcap_event_name; "" when the program gave none.
    repeat_instrument, repeat_instance
        "" and None for what does not repeat.
    announced
        Its entry in the manifest; None for an older package, which announces nothing.
    """

    record_id: str
    event: str
    field_name: str
    value: int | float | str
    repeat_instrument: str = ""
    repeat_instance: int | None = None
    announced: Measurement | None = None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is kept as it is: a figure, a mesh, a report, data.

    Attributes
    ----------
    name
        Relative to /output.
    announced
        Its entry in the manifest; None for an older package.
    """

    path: Path
    name: str
    announced: FileOutput | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a program wrote, after all checks, and what its manifest wants to be made of it (`captures`, `report`)."""

    rows: tuple[Row, ...] = ()
    masks: tuple[LabelMap, ...] = ()
    dicom_files: tuple[Path, ...] = ()
    files: tuple[KeptFile, ...] = ()
    meshes: tuple[Mesh, ...] = ()
    captures: Captures = "none"
    report: bool = False

    @property
    def nothing_found(self) -> tuple[str, ...]:
        """Names of the masks that are empty, which is a result too."""
        return tuple(mask.announced.name for mask in self.masks if mask.empty)


@dataclass(frozen=True, slots=True)
class ResultObject:
    """A DICOM object that goes back to the PACS.

    Attributes
    ----------
    kind
        RTSTRUCT has the contours of a mask, SC is a picture with outlines, KO points at key images, PDF is the page,
        STL a mesh; DICOM is the program's own object, passed on.
    name
        The mask's name for SEG, RTSTRUCT and SC; the workflow's for SR, KO and PDF; the file's for STL and DICOM.
    """

    kind: Literal["SEG", "SR", "RTSTRUCT", "SC", "KO", "PDF", "STL", "DICOM"]
    name: str
    dataset: Dataset = field(repr=False, compare=False)

    @property
    def sop_instance_uid(self) -> str:
        return str(self.dataset.SOPInstanceUID)

    @property
    def series_instance_uid(self) -> str:
        return str(self.dataset.SeriesInstanceUID)

    @property
    def study_instance_uid(self) -> str:
        return str(self.dataset.StudyInstanceUID)

    @property
    def file_name(self) -> str:
        """``SEG-<SOPInstanceUID>.dcm``."""
        return f"{self.kind}-{self.sop_instance_uid}.dcm"
