"""Research images, put on the archive's shelf as they are: what comes in is tested elsewhere."""

from __future__ import annotations

import hashlib
from io import BytesIO
from itertools import count

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from ror.archive import Filed, describe
from tests.web.conftest import Web

STUDY, SERIES = "2.25.1", "2.25.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_numbers = count(1)


def image(
    pixels: NDArray[np.uint8 | np.uint16], *, bits: int = 0, colours: bool = False, **attributes: object
) -> Dataset:
    """An image of frames × rows × columns (× 3)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = _SECONDARY_CAPTURE
    dataset.SOPInstanceUID = f"2.25.3{next(_numbers):03}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.PatientID, dataset.PatientName = "ROR-1", "ROR-1"
    dataset.Modality = "OT"
    dataset.NumberOfFrames = str(len(pixels))
    dataset.Rows, dataset.Columns = pixels.shape[1:3]
    dataset.SamplesPerPixel = 3 if colours else 1
    if colours:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if colours else "MONOCHROME2"
    dataset.BitsAllocated = bits or pixels.dtype.itemsize * 8
    dataset.BitsStored = dataset.BitsAllocated
    dataset.HighBit = dataset.BitsAllocated - 1
    dataset.PixelRepresentation = 0
    packed = np.packbits(pixels.ravel(), bitorder="little") if bits == 1 else pixels
    data = packed.tobytes()
    dataset.PixelData = data + bytes(len(data) % 2)
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated == 16 else "OB"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def ramp(frames: int = 3, rows: int = 8, columns: int = 12, dtype: type = np.uint16) -> NDArray[np.uint16]:
    """Pixels that are all different from frame to frame."""
    return (np.arange(frames * rows * columns) * 7).astype(dtype).reshape(frames, rows, columns)


def shelve(web: Web, dataset: Dataset, syntax: str = ExplicitVRLittleEndian, project: str = "lungs") -> str:
    """Put an object into the archive in a transfer syntax; returns where it is retrieved."""
    if syntax == RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    if syntax == ExplicitVRBigEndian and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    path = f"{project}/{dataset.StudyInstanceUID}/{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
    file = web.app.home.archive / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    web.app.index.add(project, describe(dataset), Filed(path, digest, new=True), "", now=1.0)
    return f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
