"""Frames as pictures for browsers: PNG or JPEG, windowed (PS3.18 10.4.1.1.3; PS3.3 C.11.1, C.11.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from starlette.datastructures import QueryParams

from ror.web.errors import Refusal
from ror.web.image_file import ImageFile

__all__ = ["PICTURES", "View", "render"]

PICTURES: Final = ("image/jpeg", "image/png")
_MOST_SIDE: Final = 8192
Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class View:
    """How a frame is shown: window centre and width, the box it has to fit in (columns, rows), quality of a JPEG."""

    window: tuple[float, float] | None = None
    box: tuple[int, int] | None = None
    quality: int = 90

    @classmethod
    def read(cls, parameters: QueryParams, box: tuple[int, int] | None = None) -> View:
        """From the query parameters window, viewport and quality (PS3.18 8.3.5.1)."""
        window = _numbers(parameters.get("window", "").removesuffix(",linear"), "window", 2)
        viewport = _numbers(parameters.get("viewport", ""), "viewport", 2)
        quality = _numbers(parameters.get("quality", ""), "quality", 1)
        if window and window[1] < 1:
            raise _bad("window")
        if viewport:
            box = (int(viewport[0]), int(viewport[1]))
            if not all(1 <= side <= _MOST_SIDE for side in box):
                raise _bad("viewport")
        if quality and not 1 <= quality[0] <= 100:
            raise _bad("quality")
        return cls(
            (window[0], window[1]) if window else None, box, int(quality[0]) if quality else cls().quality
        )


def render(image: ImageFile, index: int, view: View, kind: str) -> bytes:
    """A frame, counted from 0, as ``image/jpeg`` or ``image/png``."""
    shown = _eight_bits(image, index, view)
    picture = Image.fromarray(shown)
    if view.box is not None:
        scale = min(view.box[0] / picture.width, view.box[1] / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        if max(size) <= _MOST_SIDE:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
    buffer = BytesIO()
    picture.save(buffer, "PNG" if kind == "image/png" else "JPEG", quality=view.quality)
    return buffer.getvalue()


def _eight_bits(image: ImageFile, index: int, view: View) -> NDArray[np.uint8]:
    header, pixels = image.header, image.array(index)
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, header)
    if pixels.ndim == 3:
        return (pixels >> 8 if pixels.dtype.itemsize > 1 else pixels).astype(np.uint8)
    shades = _shades(header, pixels, index, view)
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        shades = 1 - shades
    return np.rint(shades * 255).astype(np.uint8)


def _shades(header: Dataset, pixels: Pixels, index: int, view: View) -> NDArray[np.float64]:
    """From 0, black, to 1: through the window asked for, else the object's own, else from least to most."""
    rescale = _functional_group(header, index, "PixelValueTransformationSequence") or header
    voi = _functional_group(header, index, "FrameVOILUTSequence") or header
    values = apply_modality_lut(pixels, rescale).astype(np.float64)
    if view.window is not None:
        return _windowed(values, *view.window)
    if voi.get("WindowWidth") not in (None, "") and voi.get("VOILUTFunction", "LINEAR") == "LINEAR":
        centre, width = (_first(voi[name].value) for name in ("WindowCenter", "WindowWidth"))
        if width >= 1:
            return _windowed(values, centre, width)
    if voi.get("VOILUTSequence"):
        values = apply_voi_lut(pixels, voi).astype(np.float64)
    least, most = float(values.min()), float(values.max())
    return (values - least) / ((most - least) or 1.0)


def _windowed(values: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    # PS3.3 C.11.2.1.2.1
    if width <= 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def _functional_group(header: Dataset, index: int, name: str) -> Dataset | None:
    """What an enhanced image says of a frame, or of all of them (PS3.3 C.7.6.16)."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for groups in (*per_frame[index : index + 1], *shared[:1]):
        if groups.get(name):
            item = groups[name].value[0]
            assert isinstance(item, Dataset)
            return item
    return None


def _first(value: Any) -> float:
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _numbers(text: str, name: str, count: int) -> list[float]:
    if not text:
        return []
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise _bad(name) from error
    if len(found) != count or not all(map(math.isfinite, found)):
        raise _bad(name)
    return found


def _bad(name: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"the parameter {name} is not as PS3.18 8.3.5.1 has it")
