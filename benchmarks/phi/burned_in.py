"""How much of each line drawn into a screen can still be seen after its pixels were masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from anonymizer import DeidentificationError
from benchmarks.phi.implant import Line, Planted

__all__ = ["LinesScore", "lines_scored"]

# A column of a line's box shows a letter if its pixels differ by so much, and a line is hidden if nine tenths do not.
_CONTRAST: Final = 40
_HIDDEN: Final = 0.9


@dataclass
class LinesScore:
    """Lines of screens that came out; `share` is how much of each image was masked."""

    images: int = 0
    lines: int = 0
    hidden: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    shares: list[float] = field(default_factory=list)


def lines_scored(screens: Iterable[Planted], treat: Callable[[bytes], bytes]) -> LinesScore:
    """Treat every screen and look at the boxes of its lines."""
    score = LinesScore()
    for one in screens:
        score.images += 1
        try:
            out = treat(one.data)
        except DeidentificationError as refusal:
            score.refusals[refusal.reason] += 1
            continue
        before, after = _grey(one.data), _grey(out)
        score.shares.append(float((before != after).mean()))
        score.lines += len(one.lines)
        score.hidden += sum(_is_hidden(before, after, line) for line in one.lines)
    return score


def _is_hidden(before: NDArray[np.int16], after: NDArray[np.int16], line: Line) -> bool:
    left, top, right, bottom = line.box
    lettered = np.ptp(before[top:bottom, left:right], axis=0) > _CONTRAST
    shown = lettered & (before[top:bottom, left:right] == after[top:bottom, left:right]).all(axis=0)
    return float(shown.sum()) <= (1 - _HIDDEN) * float(lettered.sum())


def _grey(data: bytes) -> NDArray[np.int16]:
    pixels: NDArray[np.int16] = dcmread(BytesIO(data)).pixel_array.astype(np.int16)
    return pixels
