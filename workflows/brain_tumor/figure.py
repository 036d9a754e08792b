"""Axial, coronal and sagittal plane through the tumour on T1wCE and FLAIR, with its outlines.

Drawn with Pillow: matplotlib and what it needs would be a tenth of the image and a second of every start.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from labels import EDEMA, ENHANCING, NECROTIC_CORE
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = ["write_figure"]

_COLOR = {NECROTIC_CORE: (216, 60, 60), EDEMA: (90, 180, 90), ENHANCING: (255, 214, 10)}
_SHOWN = ("T1wCE", "FLAIR")
_PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}
_ZOOM = 2
_LINE = 16


def write_figure(
    path: Path, sequences: Mapping[str, NDArray[np.float32]], labels: NDArray[np.uint8], title: str
) -> None:
    """Draw three planes of two sequences; cubes, shape (right, front, head). The patient's right is on the left."""
    rows = []
    for name in _SHOWN:
        top = max(float(np.percentile(sequences[name], 99.5)), 1e-6)
        rows.append([_picture(sequences[name], labels, axis, top) for axis in _PLANES.values()])
    high = max(picture.shape[0] for picture in rows[0]) + _LINE
    wide = [picture.shape[1] for picture in rows[0]]
    sheet = Image.new("RGB", (sum(wide), high * len(rows) + _LINE))
    pen = ImageDraw.Draw(sheet)
    pen.text((4, 2), title, fill="white")
    for row, pictures in enumerate(rows):
        for column, (plane, picture) in enumerate(zip(_PLANES, pictures, strict=True)):
            left, upper = sum(wide[:column]), row * high + _LINE
            pen.text((left + 4, upper + 2), f"{_SHOWN[row]}, {plane}", fill="white")
            sheet.paste(Image.fromarray(picture), (left, upper + _LINE))
    sheet.save(path)


def _picture(
    volume: NDArray[np.float32], labels: NDArray[np.uint8], axis: int, top: float
) -> NDArray[np.uint8]:
    """One plane as RGB, head or front up, enlarged."""
    at = _fullest(labels, axis)
    grey = np.clip(np.take(volume, at, axis) / top * 255, 0, 255).astype(np.uint8)
    plane = np.take(labels, at, axis)
    grey, plane = (_upright(one, axis).repeat(_ZOOM, 0).repeat(_ZOOM, 1) for one in (grey, plane))
    colored = np.repeat(grey[..., None], 3, -1)
    for label, color in _COLOR.items():
        inside = plane == label
        colored[inside & ~ndimage.binary_erosion(inside)] = color
    return colored


def _upright(plane: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    up = plane.T[::-1]
    return up if axis == 0 else up[:, ::-1]


def _fullest(labels: NDArray[np.uint8], axis: int) -> int:
    """The plane that shows most of the tumour; the middle of a brain without one."""
    others = tuple(other for other in range(3) if other != axis)
    per_plane = (labels > 0).sum(others)
    return int(per_plane.argmax()) if per_plane.any() else labels.shape[axis] // 2
