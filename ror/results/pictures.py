"""Source slices as shades of grey, and the outlines of segments painted on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import UID

from containers import Segment
from ror.results.model import Labels, SourceSeries

__all__ = ["COLORS", "UNDECODABLE", "CannotDraw", "Color", "Grey", "color_of", "edges", "paint", "read_grey"]

Grey: TypeAlias = NDArray[np.uint8]
Color: TypeAlias = tuple[int, int, int]

# For segments without a colour: eight that colour-blind people tell apart, too (Okabe and Ito 2008).
COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (153, 153, 153),
)
# What pydicom, its decoders and highdicom raise at an object that is damaged, or not what its header says.
UNDECODABLE = (
    OSError,
    EOFError,
    InvalidDicomError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class CannotDraw(ValueError):
    """No pictures can be made of a series; the message says why. Its other results do not depend on them."""


def color_of(segment: Segment) -> Color:
    """The colour (sRGB) in which a segment is shown everywhere."""
    return segment.color or COLORS[(segment.value - 1) % len(COLORS)]


def read_grey(series: SourceSeries, slices: Iterable[int]) -> Iterator[Grey]:
    """Read slices of a volume through one window: that of its middle slice, else its 1st to 99th percentile.

    Parameters
    ----------
    slices
        Positions along the normal.

    Yields
    ------
    uint8, shape (rows, columns)
        0 is black.

    Raises
    ------
    CannotDraw
        No files, colours, a compression that nothing here decodes, or pixels that are not what their header says.
    """
    if not series.files:
        raise CannotDraw(f"the images of {series.name} are not on disk")
    middle = len(series.headers) // 2
    low, high = _window(series.headers[middle]) or _percentiles(_values(series, middle))
    inverted = series.headers[middle].get("PhotometricInterpretation") == "MONOCHROME1"
    for k in slices:
        shades = np.clip((_values(series, k) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
        yield 255 - shades if inverted else shades


def edges(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marked pixels that have a neighbour, or the border, on the other side."""
    padded = np.pad(plane, 1)
    within = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return plane & ~within


def paint(grey: Grey, labels: Labels, segments: Iterable[Segment], scale: int = 1) -> NDArray[np.uint8]:
    """A slice in colours: shades of grey, and a line of one pixel along the inside of each segment.

    Parameters
    ----------
    grey, labels : shape (rows, columns)
    scale
        Each pixel becomes so many in both directions before lines are drawn.

    Returns
    -------
    uint8, shape (rows * scale, columns * scale, 3)
        sRGB.
    """
    picture = np.repeat(_enlarged(grey, scale)[:, :, np.newaxis], 3, axis=2)
    shown = _enlarged(labels, scale)
    for segment in segments:
        picture[edges(shown == segment.value)] = color_of(segment)
    return picture


def _enlarged(plane: NDArray[Any], scale: int) -> NDArray[Any]:
    return plane if scale == 1 else plane.repeat(scale, axis=0).repeat(scale, axis=1)


def _values(series: SourceSeries, k: int) -> NDArray[np.float32]:
    """One slice in the units of its modality (PS3.3 C.11.1)."""
    try:
        dataset = dcmread(series.files[k])
        _check(dataset, series.name)
        return apply_modality_lut(dataset.pixel_array, dataset).astype(np.float32)
    except CannotDraw:
        raise
    except UNDECODABLE as error:
        raise CannotDraw(
            f"the pixels of image {k + 1} of {series.name} cannot be read ({type(error).__name__})"
        ) from error


def _check(dataset: Dataset, name: str) -> None:
    if dataset.get("PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        raise CannotDraw(f"the images of {name} are not in shades of grey")
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated and not _decodes(syntax):
        raise CannotDraw(f"the images of {name} are compressed as {syntax.name}, which is not decoded here")


def _decodes(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:  # pydicom knows it and has no decoder for it at all
        return False


def _window(header: Dataset) -> tuple[float, float] | None:
    """The values that are black and white (PS3.3 C.11.2.1.2.1), if the header has a linear window."""
    if header.get("VOILUTFunction", "LINEAR") != "LINEAR" or not header.get("WindowWidth"):
        return None
    centre, width = (
        float(np.atleast_1d(np.asarray(header.get(keyword), np.float64))[0])
        for keyword in ("WindowCenter", "WindowWidth")
    )
    if not np.isfinite(centre) or not width > 1:
        return None
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def _percentiles(values: NDArray[np.float32]) -> tuple[float, float]:
    if not np.isfinite(values).all():
        raise CannotDraw("the pixels hold values that are no numbers")
    low, high = np.percentile(values, (1, 99))
    return float(low), float(high) if high > low else float(low) + 1.0
