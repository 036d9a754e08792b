"""An image that no program can read is known before one tries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from ror.engine.pixels import header_and_fault
from tests.support.studies import small_ct

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]


@pytest.fixture
def image(tmp_path: Path) -> Dataset:
    (file,) = small_ct(tmp_path / "ct", slices=1)
    return dcmread(file)


def fault_of(image: Dataset, folder: Path, syntax: UID = ExplicitVRLittleEndian) -> str:
    """What is told of it as a file; checks that all before the pixels is read as pydicom reads it."""
    file = folder / "image.dcm"
    image.file_meta.TransferSyntaxUID = syntax
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    dcmwrite(file, image, implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=True)
    header, fault = header_and_fault(file)
    assert header == dcmread(file, stop_before_pixels=True)
    return fault


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_a_whole_image_has_no_fault(image: Dataset, tmp_path: Path, syntax: UID) -> None:
    assert fault_of(image, tmp_path, syntax) == ""


@pytest.mark.parametrize("syntax", NATIVE[:2], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        (["Rows"], "no Rows"),
        (
            ["Columns", "BitsAllocated", "PixelRepresentation"],
            "no Columns, BitsAllocated, PixelRepresentation",
        ),
        (["PixelData"], "no pixel data"),
        (["PixelData", "Rows"], "no Rows"),
    ],
)
def test_what_an_image_lacks_is_named(
    image: Dataset, tmp_path: Path, syntax: UID, keywords: list[str], told: str
) -> None:
    for keyword in keywords:
        del image[keyword]
    assert fault_of(image, tmp_path, syntax) == told


@pytest.mark.parametrize("syntax", NATIVE[:2], ids=lambda syntax: syntax.name)
def test_pixels_that_are_too_few_are_counted(image: Dataset, tmp_path: Path, syntax: UID) -> None:
    image.PixelData = bytes(100)
    assert fault_of(image, tmp_path, syntax) == "100 of 512 bytes of pixel data"
    image.PixelData = bytes(514)  # as some pad them
    assert fault_of(image, tmp_path, syntax) == ""
    image.NumberOfFrames = 3
    assert fault_of(image, tmp_path, syntax) == "514 of 1536 bytes of pixel data"
    image.NumberOfFrames = None
    image.Rows = 0
    assert fault_of(image, tmp_path, syntax) == "Rows not a number above 0"


def test_a_file_that_was_cut_off_has_too_few(image: Dataset, tmp_path: Path) -> None:
    fault_of(image, tmp_path)
    file = tmp_path / "image.dcm"
    file.write_bytes(file.read_bytes()[:-12])
    assert header_and_fault(file)[1] == "500 of 512 bytes of pixel data"
    file.write_bytes(file.read_bytes()[:-506])
    assert header_and_fault(file)[1] == "no pixel data"


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, 32),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "Columns": 9, "Rows": 3}, 4),
        ({"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "RGB"}, 768),
        ({"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "YBR_FULL_422"}, 512),
    ],
    ids=["bits", "bits of an odd image", "colours", "shared colours"],
)
def test_as_many_bytes_are_needed_as_the_standard_says(
    image: Dataset, tmp_path: Path, change: dict[str, object], needed: int
) -> None:
    for keyword, value in change.items():
        setattr(image, keyword, value)
    image["PixelData"].VR = "OB"
    image.PixelData = bytes(needed)
    assert fault_of(image, tmp_path) == ""
    image.PixelData = bytes(needed - 2)
    assert re.fullmatch(rf"{needed - 2} of {needed} bytes of pixel data", fault_of(image, tmp_path))


def test_of_compressed_pixels_it_counts_that_they_are_there(image: Dataset, tmp_path: Path) -> None:
    image.PixelData = encapsulate([bytes(8)])
    image["PixelData"].is_undefined_length = True
    assert fault_of(image, tmp_path, JPEG2000Lossless) == ""
    del image.PixelData
    assert fault_of(image, tmp_path, JPEG2000Lossless) == "no pixel data"


def test_what_is_no_image_needs_no_pixels(image: Dataset, tmp_path: Path) -> None:
    image.SOPClassUID = ComprehensiveSRStorage
    del image.PixelData, image.Rows
    assert fault_of(image, tmp_path) == ""
