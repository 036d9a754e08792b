"""The slices of a series in shades of grey, few and small enough to be shown in a terminal.

Public by itself: reading pixels takes half a second to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from ror.results import CannotDraw, SourceSeries, read_grey

__all__ = ["Frame", "Preview", "preview_of"]

Frame: TypeAlias = NDArray[np.uint8]

_MOST_FRAMES = 48
_MOST_SIDE = 256


@dataclass(frozen=True, slots=True)
class Preview:
    """Some slices of a series in the order of its geometry.

    Attributes
    ----------
    frames : uint8, shape (rows, columns), at most 256 of each
        0 is black. None where there is no picture; then `why_not` says why.
    row_mm, column_mm
        From one row, and one column, of a frame to the next; 1 where the images do not say.
    slices
        Which slice of the series each frame is, from 1; of multi-frame images, their frames.
    of
        How many slices the series has.
    """

    frames: tuple[Frame, ...] = ()
    row_mm: float = 1.0
    column_mm: float = 1.0
    why_not: str = ""
    slices: tuple[int, ...] = ()
    of: int = 0


def preview_of(files: Sequence[Path], stopped: Callable[[], bool] = lambda: False) -> Preview:
    """Read some slices of a series, evenly spread over it; the fewer when it is `stopped`."""
    frames: list[Frame] = []
    slices: list[int] = []
    try:
        series = SourceSeries.read("the series", sorted(files))
        count = len(series.headers)
        for number, image in zip(_spread(count), read_grey(series, _spread(count)), strict=True):
            planes = image if image.ndim == 3 else image[np.newaxis]
            frames += [_thinned(planes[k]) for k in _spread(len(planes))]
            slices += [number * len(planes) + k + 1 for k in _spread(len(planes))]
            if stopped():
                break
    except CannotDraw as error:
        return Preview(why_not=str(error))
    except (OSError, ValueError, InvalidDicomError) as error:  # what a file says stays in it
        return Preview(
            why_not=f"the images cannot be read ({type(error).__name__}): say ror config --data again"
        )
    row_mm, column_mm = _spacing(series)
    step = _step(image.shape[-2:])
    return Preview(
        tuple(frames), row_mm * step, column_mm * step, slices=tuple(slices), of=count * len(planes)
    )


def _spread(count: int) -> Iterator[int]:
    """At most so many positions of `count`, from the first on."""
    shown = min(count, _MOST_FRAMES)
    return (k * count // shown for k in range(shown))


def _thinned(plane: Frame) -> Frame:
    step = _step(plane.shape)
    return np.ascontiguousarray(plane[::step, ::step])


def _step(shape: tuple[int, ...]) -> int:
    return -(-max(shape) // _MOST_SIDE)


def _spacing(series: SourceSeries) -> tuple[float, float]:
    if series.grid is not None:
        return series.grid.spacing_mm[1], series.grid.spacing_mm[2]
    header = series.headers[0]
    spacing = header.get("PixelSpacing") or header.get("ImagerPixelSpacing") or (1.0, 1.0)
    row_mm, column_mm = map(float, spacing)
    return (row_mm, column_mm) if row_mm > 0 and column_mm > 0 else (1.0, 1.0)
