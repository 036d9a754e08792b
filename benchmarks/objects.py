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

from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume

__all__ = ["CtObjects"]

_TECHNIQUE = {
    "KVP": "120", "ScanOptions": "HELICAL MODE", "ConvolutionKernel": "STANDARD", "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "360", "DistanceSourceToDetector": "949", "DistanceSourceToPatient": "541",
    "GantryDetectorTilt": "0", "TableHeight": "154.5", "RotationDirection": "CW", "ExposureTime": "700",
    "XRayTubeCurrent": "380", "Exposure": "12", "FilterType": "BODY FILTER", "GeneratorPower": "53200",
    "FocalSpots": "1.2", "SpiralPitchFactor": 0.984, "SingleCollimationWidth": 0.625, "TotalCollimationWidth": 40.0,
    "TableSpeed": 56.25, "TableFeedPerRotation": 39.375, "RevolutionTime": 0.7, "CTDIvol": 11.2,
    "ExposureModulationType": "XYZ_EC", "EstimatedDoseSaving": 20.0, "ContrastBolusAgent": "IOHEXOL",
    "ContrastBolusRoute": "IV", "ContrastBolusVolume": "100", "ContrastFlowRate": "3", "PatientWeight": "71",
    "PatientSize": "1.75", "SmallestImagePixelValue": 0, "LargestImagePixelValue": 3071, "RescaleType": "HU",
    "LossyImageCompression": "00", "BurnedInAnnotation": "NO", "PresentationLUTShape": "IDENTITY",
    "ImagesInAcquisition": "200", "WindowCenterWidthExplanation": "LUNG", "QualityControlImage": "NO",
    "ReconstructionTargetCenterPatient": [0.0, -12.5, 40.0], "DataCollectionCenterPatient": [0.0, 0.0, 40.0],
    "PerformedProcedureStepStartDate": "20150612", "PerformedProcedureStepStartTime": "101400",
    "PerformedProcedureStepEndDate": "20150612", "PerformedProcedureStepEndTime": "101900",
    "DateOfLastCalibration": "20150601", "TimeOfLastCalibration": "060000", "LongitudinalTemporalInformationModified":
    "UNMODIFIED", "AcquisitionType": "SPIRAL", "CardiacNumberOfImages": "1", "TriggerWindow": "0",
}  # fmt: skip
# UIDs without a root of ours (PS3.5 B.2), all of one length.
_UID = "2.25.1{:036}"
_STUDY, _SERIES, _INSTANCE = (_UID.format(number).encode() for number in range(3))


class CtObjects:
    """Makes objects by writing new UIDs of the same length into the bytes of one: quick enough for thousands."""

    def __init__(self, rows: int = 512) -> None:
        self._mould = _mould(rows)
        self._numbers = count(3)

    def study(self, objects: int) -> Iterator[bytes]:
        """The Part 10 bytes of one new study of one series."""
        data = self._mould.replace(_STUDY, self._uid()).replace(_SERIES, self._uid())
        for _ in range(objects):
            yield data.replace(_INSTANCE, self._uid())

    def write_study(self, folder: Path, objects: int) -> Path:
        """Write one new study into a folder, which is made; returns the folder."""
        folder.mkdir(parents=True)
        for number, data in enumerate(self.study(objects)):
            (folder / f"IM{number:05}.dcm").write_bytes(data)
        return folder

    def _uid(self) -> bytes:
        return _UID.format(next(self._numbers)).encode()


def _mould(rows: int) -> bytes:
    """A round body in air with noise, as Part 10 bytes."""
    grid = np.linspace(-1, 1, rows)
    body = 1100.0 * (grid[:, None] ** 2 + grid[None, :] ** 2 < 0.7) - 1000
    noise = np.random.default_rng(0).normal(0, 20, (rows, rows))
    volume = Volume((body + noise)[:, :, None].astype(np.int16), np.diag([-0.7, -0.7, 2.5, 1.0]))
    study = StudyText("benchmark", PlantedIdentity.from_seed(0), "CT CHEST")
    with tempfile.TemporaryDirectory() as folder:
        series = SeriesText("CT", 2, "Chest 2.5 mm", "CHEST", _TECHNIQUE)
        (file,) = write_series(Path(folder), volume, study, series)
        image = dcmread(file)
    image.StudyInstanceUID, image.SeriesInstanceUID = _STUDY.decode(), _SERIES.decode()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(_INSTANCE.decode())
    image.save_as(written := BytesIO())
    return written.getvalue()
