"""A file of the archive as a viewer wants it: its header, and its frames as they are stored, or decoded."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ror.web.errors import Refusal

__all__ = ["PIXELS", "ImageFile", "decodes"]

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAGS = {
    b"\xe0\x7f\x10\0": "PixelData",
    b"\xe0\x7f\x08\0": "FloatPixelData",
    b"\xe0\x7f\x09\0": "DoubleFloatPixelData",
}
_MOST_FRAME_BYTES = 512 * 2**20
# What pydicom and its decoders raise at pixels that are not what the header says.
_UNDECODABLE = (
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """`header` is all before the pixels; `pixels` says in which element they are, empty where there are none."""

    file: Path
    header: Dataset
    pixels: str
    value_at: int

    @classmethod
    def open(cls, file: Path) -> ImageFile:
        """Read the header of a file."""
        with file.open("rb") as stream:
            header = dcmread(stream, stop_before_pixels=True)
            syntax = header.file_meta.TransferSyntaxUID
            if syntax == DeflatedExplicitVRLittleEndian:  # the place in the inflated data is of no use
                whole = dcmread(file)
                return cls(file, header, next((one for one in PIXELS if one in whole), ""), -1)
            at = stream.tell()
            tag = stream.read(4)
        if syntax == ExplicitVRBigEndian:
            tag = tag[1::-1] + tag[:1:-1]
        long = 8 if syntax == ImplicitVRLittleEndian else 12
        return cls(file, header, _PIXEL_TAGS.get(tag, ""), at + long)

    @property
    def syntax(self) -> UID:
        """The transfer syntax that it is stored in."""
        return UID(self.header.file_meta.TransferSyntaxUID)

    @property
    def frames(self) -> int:
        """How many frames it has, 0 if it is no image."""
        return max(int(self.header.get("NumberOfFrames") or 1), 1) if self.pixels else 0

    def stored_frame(self, index: int) -> bytes:
        """A frame as it is stored: compressed, or little endian."""
        if not self.syntax.is_encapsulated:
            return self.decoded_frame(index)
        with self.file.open("rb") as stream:
            stream.seek(self.value_at)
            try:
                return get_frame(
                    stream, index, number_of_frames=self.frames, extended_offsets=self._extended_offsets()
                )
            except _UNDECODABLE as error:
                raise _undecodable() from error

    def decoded_frame(self, index: int) -> bytes:
        """A frame without compression, little endian, one bit a pixel where it is so allocated."""
        if self._is_plain:
            return self._plain_frame(index)
        pixels = self.array(index, raw=True)
        return pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()

    def array(self, index: int, *, raw: bool = False) -> NDArray[Any]:
        """A frame as shape (rows, columns) or (rows, columns, 3); colours as RGB unless `raw`."""
        if self._samples * (self._bits or 8) > _MOST_FRAME_BYTES * 8:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the frame is too large to be decoded here")
        if self._is_plain and self._bits == 1:  # pydicom 3.0 cannot, where a frame begins within a byte
            packed = np.frombuffer(self._plain_frame(index), np.uint8)
            bits = np.unpackbits(packed, bitorder="little")[: self._samples]
            return bits.reshape(int(self.header.Rows), int(self.header.Columns))
        source = dcmread(self.file) if self.value_at < 0 else self.file
        try:
            return np.asarray(pixel_array(source, index=index, raw=raw))
        except _UNDECODABLE as error:
            raise _undecodable() from error

    def _plain_frame(self, index: int) -> bytes:
        """What lies in the file; frames of single bits begin wherever the one before has ended (PS3.5 8.1.1)."""
        length = self._samples * self._bits
        start, skip = divmod(index * length, 8)
        with self.file.open("rb") as stream:
            stream.seek(self.value_at + start)
            data = stream.read(-(-(skip + length) // 8))
        if not length or len(data) * 8 < skip + length:
            raise _undecodable()
        if not skip and not length % 8:
            return data
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[skip : skip + length]
        return np.packbits(bits, bitorder="little").tobytes()

    @property
    def _is_plain(self) -> bool:
        return self.value_at >= 0 and not self.syntax.is_compressed and self.syntax != ExplicitVRBigEndian

    @property
    def _bits(self) -> int:
        return int(self.header.get("BitsAllocated") or 0)

    @property
    def _samples(self) -> int:
        header = self.header
        return (
            int(header.get("Rows") or 0)
            * int(header.get("Columns") or 0)
            * int(header.get("SamplesPerPixel") or 1)
        )

    def _extended_offsets(self) -> tuple[bytes, bytes] | None:
        # The table of offsets comes before the pixels (PS3.5 A.4).
        offsets, lengths = (
            self.header.get("ExtendedOffsetTable"),
            self.header.get("ExtendedOffsetTableLengths"),
        )
        return (offsets, lengths) if offsets and lengths else None


def decodes(syntax: UID) -> bool:
    """Whether files of this transfer syntax can be made ones of Explicit VR Little Endian here."""
    if syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        return True
    try:
        return syntax.is_compressed and get_decoder(syntax).is_available
    except (NotImplementedError, ValueError):
        return False


def _undecodable() -> Refusal:
    return Refusal(
        HTTPStatus.NOT_ACCEPTABLE, "its pixels cannot be decoded; ask for them with transfer-syntax=*"
    )
