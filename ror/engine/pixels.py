"""What makes an image that no program can read, told from its header and the length of its pixel data."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.uid import UID

__all__ = ["header_and_fault"]

# PS3.3 C.7.6.3, Image Pixel: type 1, and without any of them pixels cannot be told apart.
_NUMBERS = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
_NEEDED = (*_NUMBERS, "PixelRepresentation", "PhotometricInterpretation")
# So that the value is skipped and only its length is read.
_SKIPPED_FROM_BYTES = 0


def header_and_fault(file: Path) -> tuple[Dataset, str]:
    """Everything before the pixel data of a PS3.10 file, and what is wrong with its pixels ("" if nothing).

    Only objects of the image SOP classes can be wrong: others need no pixels. Encapsulated pixel data are not measured:
    it is enough that they are there. Pixel data are not read.
    """
    with file.open("rb") as opened:
        header = dcmread(opened, stop_before_pixels=True)
        # Of a deflated file nothing is to be seen behind the header (PS3.5 A.5).
        if not _is_image(header) or header.file_meta.TransferSyntaxUID.is_deflated:
            return header, ""
        if lacking := [keyword for keyword in _NEEDED if header.get(keyword) in (None, "")]:
            return header, f"no {', '.join(lacking)}"
        if wrong := [keyword for keyword in _NUMBERS if not _is_number(header[keyword].value)]:
            return header, f"{', '.join(wrong)} not a number above 0"
        return header, _fault_of_value(opened, header, file.stat().st_size)


def _fault_of_value(opened: BinaryIO, header: Dataset, file_bytes: int) -> str:
    """What is wrong with the pixel data at whose element `opened` stands, or at its end if there are none."""
    syntax = header.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        return "" if opened.read(1) else "no pixel data"
    elements = data_element_generator(
        opened, syntax.is_implicit_VR, syntax.is_little_endian, defer_size=_SKIPPED_FROM_BYTES
    )
    pixel_data = next(elements, None)
    if not isinstance(pixel_data, RawDataElement):  # there is none
        return "no pixel data"
    there = min(pixel_data.length, file_bytes - pixel_data.value_tell)
    needed = _native_bytes(header)
    return f"{there} of {needed} bytes of pixel data" if there < needed else ""


def _is_image(header: Dataset) -> bool:
    # The names of the standard: "MR Image Storage", "Enhanced CT Image Storage" (PS3.4 B.5).
    return "Image Storage" in UID(header.get("SOPClassUID") or "").name


def _is_number(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _native_bytes(header: Dataset) -> int:
    """How long native pixel data are without padding (PS3.5 8.1.1), in bytes."""
    samples = header.Rows * header.Columns * header.SamplesPerPixel * int(header.get("NumberOfFrames") or 1)
    if header.PhotometricInterpretation == "YBR_FULL_422":  # two pixels share their colours
        samples = samples * 2 // 3
    bits = samples * header.BitsAllocated
    return int(bits + 7) // 8
