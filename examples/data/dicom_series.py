"""A NIfTI volume becomes a series of single-frame DICOM files, as a scanner would have sent it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from examples.data.errors import ImageUnsuitable
from examples.data.headers import SeriesText, StudyText, series_header, uid
from examples.data.volume import Volume

__all__ = ["SeriesText", "StudyText", "write_series"]

_HU_INTERCEPT = -1024
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def write_series(folder: Path, volume: Volume, study: StudyText, series: SeriesText) -> tuple[Path, ...]:
    """Write one file per slice: CT or MR Image Storage, Explicit VR Little Endian, 16 bit.

    Parameters
    ----------
    folder
        Made when absent; gets ``IM0001.dcm`` and so on, in the order of the volume's slices.
    volume
        CT: Hounsfield units, stored signed with RescaleIntercept -1024. MR: 0 to 65535, stored unsigned.

    Raises
    ------
    ImageUnsuitable
        A value does not fit into the 16 bits.
    """
    stored = _stored(volume.voxels, series.modality)
    header = series_header(study, series)
    _image_plane(header, volume)
    _pixel_description(header, stored, series.modality)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    # One data set is changed and written again and again: building 100 elements anew takes longer than
    # writing them.
    for number, image in enumerate(_images(header, volume, stored), start=1):
        path = folder / f"IM{number:04}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return tuple(paths)


def _stored(voxels: NDArray[np.generic], modality: str) -> NDArray[np.int16] | NDArray[np.uint16]:
    kind: type[np.int16] | type[np.uint16] = np.int16 if modality == "CT" else np.uint16
    values = np.rint(voxels).astype(np.int64) - (_HU_INTERCEPT if modality == "CT" else 0)
    limits = np.iinfo(kind)
    if values.min() < limits.min or values.max() > limits.max:
        raise ImageUnsuitable(
            f"{modality} values {voxels.min()} to {voxels.max()} do not fit into 16 bits: "
            "scale the volume first"
        )
    return values.astype(kind)


def _images(header: Dataset, volume: Volume, stored: NDArray[np.generic]) -> Iterator[Dataset]:
    series_uid = str(header.SeriesInstanceUID)
    normal = np.cross(*_directions_lps(volume))
    for index in range(stored.shape[2]):
        position = (volume.affine_ras @ [0.0, 0.0, index, 1.0])[:3] * _RAS_TO_LPS
        header.SOPInstanceUID = uid(series_uid, index)
        header.InstanceNumber = index + 1
        header.ImagePositionPatient = _decimals(position)
        header.SliceLocation = _decimals([float(position @ normal)])[0]
        # DICOM stores row after row: the transposed slice of a (columns, rows) array.
        header.PixelData = (
            np.ascontiguousarray(stored[:, :, index].T)
            .astype("<i2" if stored.dtype == np.int16 else "<u2")
            .tobytes()
        )
        header.file_meta = FileMetaDataset()
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        yield header


def _directions_lps(volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions in which the column index and the row index grow (PS3.3 C.7.6.2.1.1)."""
    axes = volume.affine_ras[:3, :3] / volume.spacing_mm * _RAS_TO_LPS[:, None]
    return axes[:, 0], axes[:, 1]


def _image_plane(header: Dataset, volume: Volume) -> None:
    along_columns, along_rows = _directions_lps(volume)
    column_mm, row_mm, slice_mm = (float(mm) for mm in volume.spacing_mm)
    header.ImageOrientationPatient = _decimals([*along_columns, *along_rows])
    header.PixelSpacing = _decimals([row_mm, column_mm])
    header.SliceThickness = _decimals([slice_mm])[0]
    if header.Modality == "MR":
        header.SpacingBetweenSlices = _decimals([slice_mm])[0]


def _pixel_description(header: Dataset, stored: NDArray[np.generic], modality: str) -> None:
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Columns, header.Rows, _ = stored.shape
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = int(modality == "CT")
    if modality == "CT":
        header.RescaleIntercept = str(_HU_INTERCEPT)
        header.RescaleSlope = "1"
        header.RescaleType = "HU"
        header.WindowCenter, header.WindowWidth = "-500", "1500"
    else:
        top = int(np.percentile(stored[::4, ::4, ::4], 99.5)) + 1
        header.WindowCenter, header.WindowWidth = str(top // 2), str(top)


def _decimals(numbers: "NDArray[np.float64] | list[float]") -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 6.2), which round to less than a nanometre."""
    return [format_number_as_ds(round(float(number), 9) + 0.0) for number in numbers]
