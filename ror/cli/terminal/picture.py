"""Pictures of grey in a terminal: each character is two pixels, one above the other, in 24-bit colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ror.develop.preview import Frame, Preview

__all__ = ["Picture", "fitted"]

_FRAMES_PER_SECOND = 12
_HALF_BLOCK = "▀"  # its ink is the upper pixel, its ground the lower one


class Picture(Widget):
    """The frames of a `Preview`, one after another, or why there are none."""

    DEFAULT_CSS = "Picture { width: 1fr; height: 1fr; }"

    def __init__(self, *, moving: bool = True) -> None:
        super().__init__()
        self._preview = Preview()
        self._moving = moving
        self._number = 0
        self._shown: Frame | None = None

    @property
    def number(self) -> int:
        """Which frame is shown, from 0."""
        return self._number

    @property
    def moving(self) -> bool:
        """Whether the frames move by themselves."""
        return self._moving

    def on_mount(self) -> None:
        """Move from now on."""
        self.set_interval(1 / _FRAMES_PER_SECOND, self._on_beat)

    def show(self, preview: Preview) -> None:
        """Show another series, from its middle on."""
        self._preview = preview
        self._number = len(preview.frames) // 2
        self._draw()

    def stop_or_go_on(self) -> None:
        """Stand still, or move again."""
        self._moving = not self._moving
        self._draw()

    def step(self, frames: int) -> None:
        """Stand still, so many frames further."""
        self._moving = False
        self._turn(frames)

    def _on_beat(self) -> None:
        if self._moving and len(self._preview.frames) > 1:
            self._turn(1)

    def _turn(self, frames: int) -> None:
        if self._preview.frames:
            self._number = (self._number + frames) % len(self._preview.frames)
            self._draw()

    def on_resize(self) -> None:
        """Fit again."""
        self._draw()

    def _draw(self) -> None:
        preview = self._preview
        self._shown = None
        if preview.frames and self.size.width and self.size.height > 1:
            self._shown = fitted(preview, self._number, self.size.width, self.size.height - 1)
        still = "" if self._moving else ", stopped"
        slices = preview.slices
        self.border_title = f"slice {slices[self._number]} of {preview.of}{still}" if slices else None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the terminal: two rows of the picture."""
        if self._preview.why_not and y == 0:
            return Strip([Segment(self._preview.why_not)]).adjust_cell_length(self.size.width)
        if self._shown is None or 2 * y + 1 >= len(self._shown):
            return Strip.blank(self.size.width)
        upper, lower = self._shown[2 * y], self._shown[2 * y + 1]
        cells = [Segment(_HALF_BLOCK, _style(int(a), int(b))) for a, b in zip(upper, lower, strict=True)]
        return Strip(cells).adjust_cell_length(self.size.width)


def fitted(preview: Preview, number: int, width: int, height: int) -> Frame:
    """A frame as large as `width` by `height` characters let it be, in its true proportions.

    Returns
    -------
    uint8, shape (even number of rows, columns)
        A character is as wide as half of it is high, so that pixels are square.
    """
    frame = preview.frames[number]
    high_mm, wide_mm = frame.shape[0] * preview.row_mm, frame.shape[1] * preview.column_mm
    mm = max(wide_mm / width, high_mm / (2 * height))  # of a pixel of the terminal
    rows = min(2 * height, max(2, 2 * round(high_mm / mm / 2)))
    columns = min(width, max(1, round(wide_mm / mm)))
    at_rows = np.arange(rows) * frame.shape[0] // rows
    at_columns = np.arange(columns) * frame.shape[1] // columns
    return frame[np.ix_(at_rows, at_columns)]


@lru_cache(maxsize=65536)  # as many as there are pairs of shades
def _style(upper: int, lower: int) -> Style:
    return Style(color=Color.from_rgb(upper, upper, upper), bgcolor=Color.from_rgb(lower, lower, lower))
