"""The four sequences in the slice that shows most of the tumour, and the labels over the last of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tumor import EDEMA, ENHANCING, NECROTIC_CORE

__all__ = ["write_figure"]

_COLOR = {NECROTIC_CORE: (216, 60, 60), EDEMA: (90, 180, 90), ENHANCING: (255, 214, 10)}
_OPACITY = 0.5


def write_figure(
    path: Path, sequences: Mapping[str, NDArray[np.float32]], labels: NDArray[np.uint8], title: str
) -> None:
    """Draw one slice of every sequence; arrays of shape (columns, rows, slices)."""
    per_slice = (labels > 0).sum((0, 1))
    at = int(per_slice.argmax()) if per_slice.any() else labels.shape[2] // 2
    figure = Figure(figsize=(3 * (len(sequences) + 1), 3.6), facecolor="black", layout="tight")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color="white")
    pictures = {name: _grey(volume[:, :, at]) for name, volume in sequences.items()}
    pictures["labels"] = _colored(list(pictures.values())[-1], labels[:, :, at])
    for place, (name, picture) in enumerate(pictures.items(), start=1):
        drawn = figure.add_subplot(1, len(pictures), place)
        drawn.imshow(picture.transpose(1, 0, 2))
        drawn.set_title(name, color="white")
        drawn.set_axis_off()
    figure.savefig(path, dpi=80)


def _grey(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    top = max(float(np.percentile(plane, 99.5)), 1e-6)
    return np.repeat(np.clip(plane / top * 255, 0, 255).astype(np.uint8)[..., None], 3, -1)


def _colored(picture: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colored = picture.astype(np.float32)
    for label, color in _COLOR.items():
        colored[labels == label] = (1 - _OPACITY) * colored[labels == label] + _OPACITY * np.array(color)
    return colored.astype(np.uint8)
