"""Three planes through the lungs, with their outlines filled."""

from pathlib import Path

import numpy as np
from lungs import LEFT, RIGHT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["write_figure"]

_WINDOW_HU = (-1200, 300)
_COLOR = {LEFT: (0, 151, 206), RIGHT: (216, 101, 79)}
_OPACITY = 0.45


def write_figure(path: Path, hu: NDArray[np.float32], labels: NDArray[np.uint8], title: str) -> None:
    """Draw an axial, a coronal and a sagittal plane; arrays of shape (right, front, head)."""
    figure = Figure(figsize=(12, 4.4), facecolor="black", layout="tight")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color="white")
    for place, (axis, name) in enumerate(((2, "axial"), (1, "coronal"), (0, "sagittal")), start=1):
        at = _fullest(labels, axis)
        picture = _colored(np.take(hu, at, axis), np.take(labels, at, axis))
        drawn = figure.add_subplot(1, 3, place)
        # Radiological: the patient's right on the left of the picture, head or front upwards.
        turned = picture.transpose(1, 0, 2)
        drawn.imshow(turned if axis == 0 else turned[:, ::-1], origin="lower")
        drawn.set_title(name, color="white")
        drawn.set_axis_off()
    figure.savefig(path, dpi=90)


def _fullest(labels: NDArray[np.uint8], axis: int) -> int:
    others = tuple(other for other in range(3) if other != axis)
    return int((labels > 0).sum(others).argmax())


def _colored(hu: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    low, high = _WINDOW_HU
    grey = np.clip((hu - low) / (high - low) * 255, 0, 255)
    picture = np.repeat(grey[..., None], 3, -1)
    for label, color in _COLOR.items():
        inside = labels == label
        picture[inside] = (1 - _OPACITY) * picture[inside] + _OPACITY * np.array(color)
    return picture.astype(np.uint8)
