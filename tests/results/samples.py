"""Series, packages and outputs that the tests of this folder share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from containers import Manifest, read_manifest
from ror.registry import WayBack
from ror.results import ResultJob, SourceSeries
from ror.results.uids import derive_uid

DATA = Path(os.environ.get("ROR_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
# Of the dev extra: Debian's is too old to know Label Maps.
DCIODVFY = Path(sys.executable).parent / "dciodvfy"
FINISHED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)

WORKFLOW = """
name = "organs"
version = "1.2.0"
command = ["python", "organs.py"]
select = "select series from study where series named CT has Modality = CT"

[[outputs.masks]]
name = "abdomen"
on = "CT"
[[outputs.masks.segments]]
value = 1
label = "Spleen"
category = { value = "123037004", scheme = "SCT", meaning = "Body structure" }
type = { value = "78961009", scheme = "SCT", meaning = "Spleen" }
color = [157, 108, 162]
[[outputs.masks.segments]]
value = 2
label = "Liver"
category = { value = "123037004", scheme = "SCT", meaning = "Body structure" }
type = { value = "10200004", scheme = "SCT", meaning = "Liver" }

[[outputs.measurements]]
field = "spleen_volume"
label = "Volume of the spleen"
code = { value = "118565006", scheme = "SCT", meaning = "Volume" }
unit = { value = "mL", scheme = "UCUM", meaning = "milliliter" }
segment = "abdomen/1"
[[outputs.measurements]]
field = "liver_volume"
label = "Volume of the liver"
code = { value = "118565006", scheme = "SCT", meaning = "Volume" }
unit = { value = "mL", scheme = "UCUM", meaning = "milliliter" }
segment = "abdomen/2"
[[outputs.measurements]]
field = "noise"
label = "Noise of the image"
code = { value = "113075003", scheme = "SCT", meaning = "Standard deviation" }
unit = { value = "[hnsf'U]", scheme = "UCUM", meaning = "Hounsfield unit" }

[[outputs.files]]
pattern = "figures/*.png"
kind = "figure"
"""


def manifest(text: str = WORKFLOW) -> Manifest:
    return read_manifest(text)


def older_manifest() -> Manifest:
    """As an older package has it: it announces nothing."""
    return Manifest(name="older", version="1", command=(), select="select series from study", announced=False)


def ct_headers(
    shape: tuple[int, int, int] = (6, 8, 10),
    orientation: Sequence[float] = AXIAL,
    spacing_mm: tuple[float, float, float] = (2.5, 0.75, 0.5),
    patient_id: str = "P-1",
    name: str = "CT",
) -> list[Dataset]:
    """An uncompressed CT series as a de-identifier leaves it: type 2 attributes there, but empty."""
    normal = np.cross(orientation[:3], orientation[3:])
    return [
        _ct(
            shape,
            orientation,
            spacing_mm,
            np.array([-20.0, 30.0, 5.5]) + k * spacing_mm[0] * normal,
            k,
            patient_id,
            name,
        )
        for k in range(shape[0])
    ]


def _ct(shape, orientation, spacing_mm, position, k, patient_id, name) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = derive_uid(f"{patient_id}/{name}", f"image {k}")
    ds.StudyInstanceUID = derive_uid(patient_id, "study")
    ds.SeriesInstanceUID = derive_uid(f"{patient_id}/{name}", "series")
    ds.FrameOfReferenceUID = derive_uid(patient_id, "frame of reference")
    ds.PatientID = patient_id
    ds.StudyDate, ds.StudyTime = "20260301", "101112"
    for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyID"):
        setattr(ds, keyword, None)
    ds.AccessionNumber = ds.PositionReferenceIndicator = ds.Manufacturer = None
    ds.Modality = "CT"
    ds.SeriesNumber, ds.InstanceNumber = 3, 1000 - k
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows, ds.Columns = shape[1], shape[2]
    ds.PixelSpacing = [spacing_mm[1], spacing_mm[2]]
    ds.SliceThickness = spacing_mm[0]
    ds.ImageOrientationPatient = list(orientation)
    ds.ImagePositionPatient = [round(float(value), 6) for value in position]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    ds.PixelData = np.full(shape[1:], 1000 + k, np.uint16).tobytes()
    return ds


def write_series(headers: Sequence[Dataset], folder: Path) -> list[Path]:
    """Write images under names that do not tell their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, header in enumerate(headers):
        paths.append(folder / f"{(index * 7919) % 1000:03}-{index}.dcm")
        header.save_as(paths[-1], enforce_file_format=True)
    return sorted(paths)


def job_on(*series: SourceSeries, job_id: str = "organs-0123456789abcdef0123") -> ResultJob:
    return ResultJob(
        job_id=job_id,
        workflow="organs",
        version="1.2.0",
        package_digest="sha256:" + "ab" * 32,
        image_digest="sha256:" + "cd" * 32,
        series=series,
        finished_at=FINISHED,
    )


def write_mask(labels: NDArray[np.generic], series: SourceSeries, path: Path) -> Path:
    """Write labels of shape (slices, rows, columns) as NIfTI on the grid of the series."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), np.array(series.grid.affine_ras))
    nibabel.save(image, path)
    return path


def real_abdomen(folder: Path) -> list[Path]:
    """The JPEG 2000 CT of the test data, given the UIDs that its publisher took away."""
    source = DATA / "ct_abdomen_dicom"
    if not source.is_dir():
        pytest.skip(f"no real data: {source} is not there (set ROR_TEST_DATA)")
    from pydicom import dcmread

    paths = []
    for index, file in enumerate(sorted(source.iterdir())):
        ds = dcmread(file)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID = derive_uid("abdomen", "study")
        ds.SeriesInstanceUID = derive_uid("abdomen", "series")
        ds.PatientID = "P-ABDOMEN"
        paths.append(folder / f"{index:02}.dcm")
        ds.save_as(paths[-1], enforce_file_format=True)
    return paths


def check_with_dciodvfy(path: Path, mistaken: str = "") -> None:
    """Fail with the errors that another's validator finds in an object, but where it is `mistaken`."""
    found = subprocess.run([DCIODVFY, path], capture_output=True, text=True)
    errors = [line for line in found.stderr.splitlines() if line.startswith("Error")]
    errors = [line for line in errors if not mistaken or mistaken not in line]
    assert not errors and (found.returncode == 0 or mistaken), "\n".join(errors)


def no_way_back(project: str) -> WayBack:
    """For stations whose project delivers nothing under the original identity."""
    raise AssertionError(f"project {project} was asked for original identities")
