"""What the header says about the pixels, checked before anybody touches them (PS3.3 C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.filereader import read_dataset

from anonymizer.errors import Unreadable, Unsupported
from anonymizer.instance import IdentifiedInstance
from anonymizer.pixels.attributes import Attributes
from anonymizer.stored import loaded
from anonymizer.wire import Element, Encoding, encoded, tag_path

__all__ = ["PIXEL_DATA", "SIZE_LIMIT_BYTES", "ImageHeader", "swapped"]

PIXEL_DATA: Final = 0x7FE00010
# Of all frames, decoded. Offsets of fragments have 32 bits, and a listener has only so much memory.
SIZE_LIMIT_BYTES: Final = 2 * 1024**3
_PALETTE: Final = frozenset(
    {
        0x00281101,
        0x00281102,
        0x00281103,
        0x00281201,
        0x00281202,
        0x00281203,
        0x00281221,
        0x00281222,
        0x00281223,
    }
)
_NOT_INTEGERS: Final = frozenset({0x7FE00008, 0x7FE00009})
_SAMPLES: Final = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The image pixel module of one object, and its pixel data element.

    Attributes
    ----------
    little
        The order of bytes in values of several: pixels and palette.
    stored
        BitsStored; samples are integers of `allocated` bits, 8 or 16.
    """

    pixels: Element
    little: bool
    palette: tuple[Element, ...]
    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: bool

    @classmethod
    def of(cls, instance: IdentifiedInstance, attributes: Attributes) -> ImageHeader:
        """Read and check the header.

        Raises
        ------
        Unsupported
            No pixels of 8 or 16 bits in a known colour space, or more than `SIZE_LIMIT_BYTES`.
        Unreadable
            A number of the header is missing or none.
        """
        elements = attributes.elements
        if PIXEL_DATA not in elements or not elements.keys().isdisjoint(_NOT_INTEGERS):
            raise _unsupported("no_pixel_data", "The object has no integer pixel data", PIXEL_DATA)
        little = instance.encoding.little
        try:
            header = cls(
                pixels=elements[PIXEL_DATA],
                little=little,
                palette=tuple(elements[tag] for tag in sorted(_PALETTE & elements.keys())),
                rows=attributes.number(0x00280010),
                columns=attributes.number(0x00280011),
                frames=attributes.number(0x00280008, 1),
                samples=attributes.number(0x00280002),
                allocated=attributes.number(0x00280100),
                stored=attributes.number(0x00280101),
                signed=attributes.number(0x00280103, 0) == 1,
                photometric=attributes.text(0x00280004),
                planar=attributes.number(0x00280006, 0) == 1,
            )
        except (ValueError, OverflowError):
            raise Unreadable(
                "pixel_header", "The header does not describe the pixels", "Ask for it again.", "(0028,0010)"
            ) from None
        header._check()
        return header

    def dataset(self) -> Dataset:
        """The header as pydicom wants it for its decoders: checked values, and the palette."""
        implicit = encoded(self._palette(), Encoding(implicit=True, little=True))
        dataset = read_dataset(BytesIO(implicit), is_implicit_VR=True, is_little_endian=True)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = self.samples, self.photometric
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = self.frames, self.rows, self.columns
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
            self.allocated,
            self.stored,
            self.stored - 1,
        )
        dataset.PixelRepresentation = int(self.signed)
        if self.samples > 1:
            dataset.PlanarConfiguration = int(self.planar)
        return dataset

    @property
    def swapped(self) -> bool:
        """Whether the pixels are words of two bytes in the other order; bytes alone have none (PS3.5 8.1.1)."""
        return not self.little and (self.allocated == 16 or self.pixels.vr == "OW")

    @property
    def bytes(self) -> int:
        """Of all frames, decoded."""
        return self.frames * self.rows * self.columns * self.samples * self.allocated // 8

    def black(self, photometric: str, frame: NDArray[np.integer]) -> NDArray[np.integer]:
        """What a masked pixel becomes, one number per sample: black, as far as `photometric` knows it.

        `frame` is the first frame; where stored values are signed its darkest one is taken, since what is black then
        depends on the modality.
        """
        if photometric.startswith("YBR"):
            neutral = 1 << (self.stored - 1)
            return np.array([0, neutral, neutral], frame.dtype)
        if photometric == "MONOCHROME1":
            value = int(frame.max()) if self.signed else (1 << self.stored) - 1
        else:
            value = int(frame.min()) if self.signed and self.samples == 1 else 0
        return np.full(self.samples, value, frame.dtype)

    def _palette(self) -> tuple[Element, ...]:
        if self.little:
            return self.palette
        return tuple(replace(one, value=swapped(loaded(one.value))) for one in self.palette)

    def _check(self) -> None:
        if min(self.rows, self.columns, self.frames) < 1:
            raise Unreadable("pixel_header", "The image has no pixels", "Ask for it again.", "(0028,0010)")
        known = _SAMPLES.get(self.photometric) == self.samples and self.allocated in (8, 16)
        if not known or not 1 <= self.stored <= self.allocated:
            raise _unsupported("pixel_format", "Pixels of this kind cannot be masked", 0x00280004)
        if self.bytes > SIZE_LIMIT_BYTES:
            raise _unsupported("pixels_too_large", "The decoded frames exceed 2 GiB", 0x00280008)


def swapped(words: bytes | memoryview) -> bytes:
    """Words of two bytes in the other order; a last byte without its second stays."""
    whole = len(words) // 2 * 2
    return np.frombuffer(words[:whole], "<u2").byteswap().tobytes() + bytes(words[whole:])


def _unsupported(reason: str, text: str, tag: int) -> Unsupported:
    return Unsupported(reason, text, "Mask it before sending; keep this one in quarantine.", tag_path(tag))
