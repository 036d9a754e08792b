"""Pixels that are not compressed: masked in a copy of their bytes (PS3.5 8.1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import Unreadable
from anonymizer.pixels.areas import Mask
from anonymizer.pixels.header import ImageHeader, swapped
from anonymizer.stored import loaded
from anonymizer.wire import tag_path

__all__ = ["frames", "masked"]


def frames(header: ImageHeader) -> Iterator[tuple[NDArray[np.integer], str]]:
    """Each frame, shape (rows, columns) or (rows, columns, samples), with its photometric interpretation."""
    for frame in _view(_bytes(header), header):
        if header.photometric == "YBR_FULL_422":
            # Two pixels share their colour: Y Y Cb Cr. To look at, the brightness is enough.
            yield frame[..., :2].reshape(header.rows, header.columns), "MONOCHROME2"
        else:
            yield frame[..., 0] if header.samples == 1 else frame, header.photometric


def masked(header: ImageHeader, mask: Mask) -> bytes:
    """The value of the pixel data with every frame masked; of other bytes only those behind the last frame go."""
    whole = _bytes(header).copy()
    view = _view(whole, header)
    black = header.black(header.photometric, view[0])
    if header.photometric == "YBR_FULL_422":
        pairs = mask.reshape(header.rows, -1, 2).any(axis=2)
        view[:, pairs] = black[[0, 0, 1, 2]]
    else:
        view[:, mask] = black
    done = whole[: view.nbytes].tobytes() + bytes(view.nbytes % 2)
    return swapped(done) if header.swapped else done


def _bytes(header: ImageHeader) -> NDArray[np.uint8]:
    """The value of the pixel data, as little endian has it."""
    value = loaded(header.pixels.value)
    return np.frombuffer(swapped(value) if header.swapped else value, np.uint8)


def _view(whole: NDArray[np.uint8], header: ImageHeader) -> NDArray[np.integer]:
    """The bytes as (frames, rows, columns, samples), or (frames, rows, pairs, 4) for YBR_FULL_422."""
    shared = header.photometric == "YBR_FULL_422"
    size = header.bytes * 2 // 3 if shared else header.bytes
    known = header.photometric not in ("YBR_ICT", "YBR_RCT")
    if not known or (shared and (header.columns % 2 or header.allocated != 8 or header.planar)):
        raise Unreadable(
            "pixel_header", "The header does not describe the pixels", "Ask for it again.", "(0028,0004)"
        )
    if len(whole) < size:
        raise Unreadable(
            "pixel_length", "The pixel data is shorter than its header says", "Ask for it again.",
            tag_path(header.pixels.tag),
        )  # fmt: skip
    kind = np.dtype(f"<{'i' if header.signed else 'u'}{header.allocated // 8}")
    samples = whole[:size].view(kind)
    if shared:
        return samples.reshape(header.frames, header.rows, header.columns // 2, 4)
    if header.planar and header.samples > 1:
        planes = samples.reshape(header.frames, header.samples, header.rows, header.columns)
        return np.moveaxis(planes, 1, 3)
    return samples.reshape(header.frames, header.rows, header.columns, header.samples)
