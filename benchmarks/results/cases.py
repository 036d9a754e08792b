"""What is segmented: made CT series of the sizes that the budgets name, and masks of ellipsoids."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.scale import Scale
from containers import Manifest, read_manifest
from ror.results import ResultJob, SourceSeries, derive_uid

__all__ = ["CASES", "Case", "Made"]

_FULL_BRAIN = 155  # slices, of which the scale has as many or fewer
_CODED = {"CodingSchemeDesignator": "SCT", "CodeValue": "85756007", "CodeMeaning": "Tissue"}


@dataclass(frozen=True, slots=True)
class Made:
    """A case on disk: `images`, ``output/mask/organs.nii.gz`` and what dcmqi wants to know of it."""

    folder: Path

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def mask(self) -> Path:
        return self.output / "mask" / "organs.nii.gz"

    @property
    def metadata(self) -> Path:
        return self.folder / "dcmqi.json"


@dataclass(frozen=True, slots=True)
class Case:
    """`shape` is (slices, rows, columns) at full scale; budgets are of the whole way, and of the whole process."""

    name: str
    shape: tuple[int, int, int]
    segments: int
    encoding: str
    most_seconds: float
    most_mib: float

    def needed(self, scale: Scale) -> int:
        """Bytes on disk, the results included."""
        return 4 * math.prod(self._shape(scale))

    def manifest(self) -> Manifest:
        """A package that announces the mask and nothing else."""
        code = 'value = "85756007", scheme = "SCT", meaning = "Tissue"'
        segments = "".join(
            f'[[outputs.masks.segments]]\nvalue = {value}\nlabel = "Organ {value}"\n'
            f"category = {{ {code} }}\ntype = {{ {code} }}\n"
            for value in range(1, self.segments + 1)
        )
        return read_manifest(
            'name = "bench"\nversion = "1"\ncommand = ["true"]\nselect = "select series from study"\n'
            f'[[outputs.masks]]\nname = "organs"\non = "CT"\nencoding = "{self.encoding}"\n{segments}'
        )

    def job(self, made: Made) -> ResultJob:
        """Reads the headers of the series."""
        series = SourceSeries.read("CT", sorted(made.images.iterdir()))
        return ResultJob("bench", "bench", "1", "", "", (series,), datetime(2026, 1, 1, tzinfo=UTC))

    def write(self, folder: Path, scale: Scale) -> Made:
        """Write the series and its mask."""
        made, shape = Made(folder), self._shape(scale)
        made.images.mkdir()
        made.mask.parent.mkdir(parents=True)
        for k in range(shape[0]):
            _image(self.name, shape, k).save_as(made.images / f"{k:04}.dcm", enforce_file_format=True)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
        labels = _ellipsoids(shape, self.segments).transpose(2, 1, 0)
        nibabel.save(nibabel.Nifti1Image(labels, affine), made.mask)
        made.metadata.write_text(json.dumps(_for_dcmqi(self.segments)))
        return made

    def _shape(self, scale: Scale) -> tuple[int, int, int]:
        slices, rows, columns = self.shape
        return max(4, slices * scale.brain_slices // _FULL_BRAIN), rows, columns


CASES = (
    Case("240 × 240 × 155, 3 segments", (155, 240, 240), 3, "binary", 2.0, 500.0),
    Case("512 × 512 × 400, 1 organ", (400, 512, 512), 1, "binary", 4.0, 1000.0),
    Case("512 × 512 × 400, 100 organs as Label Map", (400, 512, 512), 100, "labelmap", 10.0, 1000.0),
)


def _ellipsoids(shape: tuple[int, int, int], segments: int) -> NDArray[np.uint8]:
    """One after another along each axis, half as wide as their cells; few of them fill most of their slices."""
    each = math.ceil(segments ** (1 / 3))
    labels = np.zeros(shape, np.uint8)
    cell = [size / each for size in shape]
    for value in range(1, segments + 1):
        place = np.unravel_index(value - 1, (each, each, each))
        box = tuple(slice(int(p * c), int((p + 1) * c)) for p, c in zip(place, cell, strict=True))
        z, y, x = np.ogrid[tuple(slice(-1, 1, complex(0, b.stop - b.start)) for b in box)]
        labels[box][z * z + y * y + x * x < 0.6] = value
    return labels


def _image(name: str, shape: tuple[int, int, int], k: int) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, derive_uid(name, f"image {k}")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(made, keyword, derive_uid(name, keyword))
    made.PatientID, made.Modality, made.Manufacturer = "BENCH", "CT", "bench"
    made.StudyDate, made.StudyTime, made.StudyID, made.AccessionNumber = "20260101", "120000", "1", ""
    made.PatientName = made.PatientBirthDate = made.PatientSex = made.ReferringPhysicianName = None
    made.PositionReferenceIndicator = None
    made.SeriesNumber, made.InstanceNumber = 1, k + 1
    made.Rows, made.Columns = shape[1:]
    made.PixelSpacing, made.SliceThickness = [1, 1], 1
    made.ImageOrientationPatient, made.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, k]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = np.full(shape[1:], k, np.uint16).tobytes()
    return made


def _for_dcmqi(segments: int) -> dict[str, Any]:
    described = [
        {
            "labelID": value,
            "SegmentDescription": f"Organ {value}",
            "SegmentAlgorithmType": "AUTOMATIC",
            "SegmentAlgorithmName": "bench",
            "SegmentedPropertyCategoryCodeSequence": _CODED,
            "SegmentedPropertyTypeCodeSequence": _CODED,
        }
        for value in range(1, segments + 1)
    ]
    return {
        "ContentCreatorName": "bench",
        "SeriesDescription": "bench",
        "SeriesNumber": "300",
        "InstanceNumber": "1",
        "segmentAttributes": [described],
    }
