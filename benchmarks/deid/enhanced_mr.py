"""Enhanced MR images (PS3.3 A.36) with a planted identity, whose pixels are zeros that take no room on a disk."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian

from examples.data.headers import SeriesText, StudyText, series_header, uid
from examples.data.identity import PlantedIdentity

__all__ = ["write_enhanced_mr"]

_FRAME_TYPE = ["ORIGINAL", "PRIMARY", "T1", "NONE"]


def write_enhanced_mr(file: Path, frames: int, seed: int, rows: int = 4) -> int:
    """Write an image of 16 bit, Explicit VR Little Endian; its frames differ from each other and from other seeds'.

    Returns how many elements its header has, at any depth.
    """
    header = _header(frames, seed, rows)
    # Without pixels the last four bytes are the length of none.
    header.PixelData = b""
    header.save_as(written := BytesIO(), enforce_file_format=True)
    length = rows * rows * 2 * frames
    with file.open("wb") as target:
        target.write(written.getvalue()[:-4] + length.to_bytes(4, "little"))
        target.truncate(target.tell() + length)
    return sum(1 for _ in header.iterall())


def _header(frames: int, seed: int, rows: int) -> Dataset:
    study = StudyText(f"enhanced {seed}", PlantedIdentity.from_seed(seed), "MR HEAD")
    header = series_header(study, SeriesText("MR", 3, "T1 axial", "BRAIN"))
    header.SOPClassUID = EnhancedMRImageStorage
    header.SOPInstanceUID = uid(study.key, "instance")
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = UID(header.SOPInstanceUID)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.ImageType, header.InstanceNumber, header.BurnedInAnnotation = _FRAME_TYPE, 1, "NO"
    header.NumberOfFrames = frames
    header.Rows = header.Columns = rows
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    numbers = random.Random(seed)
    header.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame(number, numbers, study.key) for number in range(frames)]
    )
    return header


def _frame(number: int, numbers: random.Random, key: str) -> Dataset:
    """The functional groups of one frame (PS3.3 C.7.6.16.2 and C.8.13.5), each in a sequence of one item.

    Times, position, window, slope and references are those of the frame; the other groups are alike in all.
    """
    content = _item(
        FrameAcquisitionDateTime=f"201506121015{number // 60 % 60:02}.{numbers.randrange(10**6):06}",
        FrameReferenceDateTime=f"201506121015{number // 60 % 60:02}.{numbers.randrange(10**6):06}",
        FrameAcquisitionDuration=12.5 + numbers.random(),
        DimensionIndexValues=[1, number + 1],
        StackID="1",
        InStackPositionNumber=number + 1,
        TemporalPositionIndex=1,
        FrameAcquisitionNumber=1,
    )
    purpose = _item(CodeValue="121311", CodingSchemeDesignator="DCM", CodeMeaning="Localizer")
    localizer = _item(
        ReferencedSOPClassUID=EnhancedMRImageStorage,
        ReferencedSOPInstanceUID=uid(key, "localizer"),
        ReferencedFrameNumber=number + 1,
        PurposeOfReferenceCodeSequence=Sequence([purpose]),
    )
    groups = {
        "FrameContentSequence": content,
        "PlanePositionSequence": _item(ImagePositionPatient=[-100.5, -90.25, _decimal(number, numbers)]),
        "PlaneOrientationSequence": _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        "PixelMeasuresSequence": _item(PixelSpacing=[0.9, 0.9], SliceThickness=1.5),
        "FrameVOILUTSequence": _item(WindowCenter=str(500 + number), WindowWidth="1000"),
        "PixelValueTransformationSequence": _item(
            RescaleIntercept="0", RescaleSlope=_decimal(1, numbers), RescaleType="US"
        ),
        "MRImageFrameTypeSequence": _item(
            FrameType=_FRAME_TYPE, PixelPresentation="MONOCHROME", VolumetricProperties="VOLUME"
        ),
        "MREchoSequence": _item(EffectiveEchoTime=2.5),
        "ReferencedImageSequence": localizer,
    }
    return _item(**{keyword: Sequence([item]) for keyword, item in groups.items()})


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _decimal(whole: int, numbers: random.Random) -> str:
    return f"{whole + numbers.random():.6f}"
