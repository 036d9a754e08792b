"""Compressed pixels: decoded, masked, and compressed again without loss.

Every decoder and encoder is named, so that none of another licence is taken because it happens to be installed:
OpenJPEG and CharLS through their Python packages, libjpeg-turbo through Pillow, RLE in pydicom. JPEG of more than
8 bits, with or without loss, has no decoder among them and is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

from anonymizer.errors import Unreadable, Unsupported
from anonymizer.pixels.areas import Mask
from anonymizer.pixels.header import PIXEL_DATA, ImageHeader
from anonymizer.stored import loaded
from anonymizer.wire import tag_path

__all__ = ["CODECS", "Codec", "Compressed", "codec_of", "frames", "is_lossy", "masked"]

RLE, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
_ENCODERS: Final = {RLE: "pydicom", JPEG_LS: "pyjpegls", JPEG_2000: "pylibjpeg"}
# What libraries say to bytes that are no image; none of it may come out, for it quotes what could not be read.
_DAMAGE: Final = (
    ArithmeticError, AttributeError, EOFError, Image.DecompressionBombError, LookupError, NotImplementedError,
    OSError, RuntimeError, struct.error, SyntaxError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Codec:
    """How frames of a transfer syntax are decoded, and what they become.

    Attributes
    ----------
    plugin
        pydicom's name of the decoder, empty for Pillow alone.
    target
        The lossless transfer syntax masked frames get.
    method
        Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) if the frames came with loss; empty if they cannot.
    """

    plugin: str
    target: str
    method: str = ""


_J = "1.2.840.10008.1.2.4."
CODECS: Final = {
    RLE: Codec("pydicom", RLE),
    f"{_J}50": Codec("pillow", JPEG_2000, "ISO_10918_1"),
    f"{_J}51": Codec("pillow", JPEG_2000, "ISO_10918_1"),
    f"{_J}57": Codec("", JPEG_2000),
    f"{_J}70": Codec("", JPEG_2000),
    JPEG_LS: Codec("pyjpegls", JPEG_LS),
    f"{_J}81": Codec("pyjpegls", JPEG_LS, "ISO_14495_1"),
    JPEG_2000: Codec("pylibjpeg", JPEG_2000),
    f"{_J}91": Codec("pylibjpeg", JPEG_2000, "ISO_15444_1"),
    f"{_J}201": Codec("pylibjpeg", JPEG_2000),
    f"{_J}202": Codec("pylibjpeg", JPEG_2000),
    f"{_J}203": Codec("pylibjpeg", JPEG_2000, "ISO_15444_15"),
}


@dataclass(frozen=True, slots=True)
class Compressed:
    """Frames compressed anew: the value of the pixel data, and what the header has to say about it."""

    value: bytes
    transfer_syntax_uid: str
    photometric: str


def codec_of(transfer_syntax_uid: str) -> Codec:
    """The codec of a transfer syntax, or `Unsupported`."""
    codec = CODECS.get(transfer_syntax_uid)
    if codec is None:
        raise _refused("pixel_compression", "Pixels compressed in this way cannot be masked")
    return codec


def frames(header: ImageHeader, transfer_syntax_uid: str) -> Iterator[tuple[NDArray[np.integer], str]]:
    """Each frame decoded, shape (rows, columns) or (rows, columns, samples), with its photometric interpretation.

    Raises
    ------
    Unsupported
        There is no decoder for the transfer syntax, or for JPEG of more than 8 bits.
    Unreadable
        A frame is damaged, or of another size than the header says.
    """
    codec = codec_of(transfer_syntax_uid)
    if header.allocated != 8 and codec.plugin in ("", "pillow"):
        raise _refused("pixel_compression", "JPEG of more than 8 bits cannot be masked")
    shape = (header.rows, header.columns) + ((header.samples,) if header.samples > 1 else ())
    count = 0
    decoded = (_decoded if codec.plugin else _lossless_jpeg)(header, transfer_syntax_uid)
    while True:
        try:
            frame, photometric = next(decoded)
        except StopIteration:
            break
        except _DAMAGE:
            raise _damaged("A frame cannot be decoded") from None
        if frame.shape != shape:
            raise _damaged("A frame has another size than the header says")
        count += 1
        yield frame, photometric
    if count != header.frames:
        raise _damaged("The object has another number of frames than its header says")


def masked(header: ImageHeader, mask: Mask, transfer_syntax_uid: str) -> Compressed:
    """All frames with `mask` blackened, compressed without loss; raises as `frames` does."""
    target = codec_of(transfer_syntax_uid).target
    every = frames(header, transfer_syntax_uid)
    first, photometric = next(every)
    black = header.black(photometric, first)
    coded = photometric
    if target == JPEG_2000 and photometric == "RGB":
        coded = "YBR_RCT"  # the reversible colour transform; a third smaller than RGB
    encoder = get_encoder(target)
    options: dict[str, Any] = {
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": header.samples,
        "number_of_frames": 1,
        "bits_allocated": header.allocated,
        "bits_stored": header.stored,
        "pixel_representation": int(header.signed),
        "photometric_interpretation": coded,
        "planar_configuration": 0,
    }
    encoded = []
    for frame, _ in chain([(first, photometric)], every):
        copy = np.array(frame)
        copy[mask] = black if header.samples > 1 else black[0]
        try:
            encoded.append(encoder.encode(copy, encoding_plugin=_ENCODERS[target], **options))
        except _DAMAGE:
            raise _refused("pixel_encoding", "The masked frames cannot be compressed without loss") from None
    return Compressed(encapsulate(encoded), target, coded)


def is_lossy(header: ImageHeader, transfer_syntax_uid: str) -> bool:
    """Whether the frames came with loss: JPEG 2000 says it in the wavelet of its first frame (ISO 15444-1 A.6.1)."""
    method = codec_of(transfer_syntax_uid).method
    if not method.startswith("ISO_15444"):
        return bool(method)
    stream = bytes(loaded(header.pixels.value)[: 2**16])
    at = stream.find(b"\xff\x52")
    return at >= 0 and stream[at + 13 : at + 14] == b"\0"


def _decoded(header: ImageHeader, transfer_syntax_uid: str) -> Iterator[tuple[NDArray[np.integer], str]]:
    dataset = header.dataset()
    dataset.PixelData = bytes(header.pixels.value)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    decoder = get_decoder(transfer_syntax_uid)
    dataset.set_original_encoding(False, True)
    dataset.file_meta = _meta(transfer_syntax_uid)
    # JPEG of three samples is turned into RGB, which a lossless encoder takes; the others are left as they are.
    raw = not transfer_syntax_uid.startswith(f"{_J}5")
    plugin = CODECS[transfer_syntax_uid].plugin
    for frame, about in decoder.iter_array(dataset, raw=raw, decoding_plugin=plugin):
        yield frame, str(about["photometric_interpretation"])


def _lossless_jpeg(header: ImageHeader, _: str) -> Iterator[tuple[NDArray[np.integer], str]]:
    for stream in generate_frames(bytes(header.pixels.value), number_of_frames=header.frames):
        with Image.open(BytesIO(stream), formats=["JPEG"]) as image:
            frame = np.asarray(image)
        yield frame.view(np.int8) if header.signed else frame, header.photometric


def _meta(transfer_syntax_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    return meta


def _refused(reason: str, text: str) -> Unsupported:
    advice = "Send it uncompressed, or masked; keep this one in quarantine."
    return Unsupported(reason, text, advice, tag_path(PIXEL_DATA))


def _damaged(text: str) -> Unreadable:
    return Unreadable("pixel_damage", text, "Ask the sender for the object again.", tag_path(PIXEL_DATA))
