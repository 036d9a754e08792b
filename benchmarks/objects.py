"""CT objects of 0.53 MB (512 × 512, 16 bit) with a planted identity, as many as wanted, each with UIDs of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.uid import UID

from benchmarks.ct_header import TECHNIQUE, add_private_blocks, add_references
from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume

__all__ = ["CtObjects"]

# UIDs without a root of ours (PS3.5 B.2), all of one length.
_UID = "2.25.1{:036}"
_STUDY, _SERIES, _INSTANCE = (_UID.format(number).encode() for number in range(3))
# What differs from slice to slice, in the mould; of the length of what takes its place.
_NUMBER, _LOCATION, _TIME, _CURRENT, _EXPOSURE = (
    b"900001",
    b"-900000.01",
    b"235959.777777",
    b"90002",
    b"90003",
)


class CtObjects:
    """Makes objects by writing new values of the same length into the bytes of one: quick enough for thousands.

    As in a scanner's series, slices differ in their UID, number, time, position, tube current and exposure.

    UIDs are numbered from `first` on; a receiver that gets the objects of two makers needs two ranges.
    """

    def __init__(self, rows: int = 512, first: int = 3) -> None:
        self._rows = rows
        self._pixels = _pixels(rows)
        self._mould = self._header(PlantedIdentity.from_seed(0))
        self._numbers = count(first)

    def study(self, objects: int) -> Iterator[bytes]:
        """The Part 10 bytes of one new study of one series."""
        yield from self._slices(self._mould, objects)

    def patients(self, objects: int) -> Iterator[bytes]:
        """Objects of which each is of another patient, and so of another study."""
        for seed in range(1, objects + 1):
            yield from self._slices(self._header(PlantedIdentity.from_seed(seed)), 1)

    def write_study(self, folder: Path, objects: int) -> Path:
        """Write one new study into a folder, which is made; returns the folder."""
        folder.mkdir(parents=True)
        for number, data in enumerate(self.study(objects)):
            (folder / f"IM{number:05}.dcm").write_bytes(data)
        return folder

    def _slices(self, mould: bytes, objects: int) -> Iterator[bytes]:
        study, series = self._uid(), self._uid()
        for number in range(objects):
            minutes, hundredths = divmod(7 * number, 6000)
            yield (
                mould.replace(_NUMBER, f"{number + 1:06}".encode())
                .replace(_LOCATION, f"{-2.5 * number:010.2f}".encode())
                .replace(
                    _TIME, f"10{minutes % 60:02}{hundredths // 100:02}.{hundredths % 100:02}0000".encode()
                )
                .replace(_CURRENT, f"{300 + number % 97:05}".encode())
                .replace(_EXPOSURE, f"{10 + number % 13:05}".encode())
                # Last, for the digits of a UID may be those that are replaced elsewhere.
                .replace(_STUDY, study)
                .replace(_SERIES, series)
                .replace(_INSTANCE, self._uid())
            ) + self._pixels

    def _uid(self) -> bytes:
        return _UID.format(next(self._numbers)).encode()

    def _header(self, who: PlantedIdentity) -> bytes:
        """The Part 10 bytes of an object of a patient, up to its pixels."""
        volume = Volume(np.zeros((2, 2, 1), np.int16), np.diag([-0.7, -0.7, 2.5, 1.0]))
        with tempfile.TemporaryDirectory() as folder:
            series = SeriesText("CT", 2, "Chest 2.5 mm", "CHEST", TECHNIQUE)
            (file,) = write_series(Path(folder), volume, StudyText("benchmark", who, "CT CHEST"), series)
            image = dcmread(file)
        image.StudyInstanceUID, image.SeriesInstanceUID = _STUDY.decode(), _SERIES.decode()
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(_INSTANCE.decode())
        image.InstanceNumber, image.SliceLocation = _NUMBER.decode(), _LOCATION.decode()
        image.ImagePositionPatient = ["-180.0", "-180.0", _LOCATION.decode()]
        image.AcquisitionTime = image.ContentTime = _TIME.decode()
        image.XRayTubeCurrent, image.Exposure = _CURRENT.decode(), _EXPOSURE.decode()
        add_references(image, "2.25.2000")
        add_private_blocks(image, _NUMBER.decode())
        image.Rows = image.Columns = self._rows
        image.PixelData = self._pixels
        image.save_as(written := BytesIO())
        return written.getvalue().removesuffix(self._pixels)


def _pixels(rows: int) -> bytes:
    """A round body in air with noise, as stored values."""
    grid = np.linspace(-1, 1, rows)
    body = 1100.0 * (grid[:, None] ** 2 + grid[None, :] ** 2 < 0.7) + 24
    noise = np.random.default_rng(0).normal(0, 20, (rows, rows))
    return (body + noise).astype("<i2").tobytes()
