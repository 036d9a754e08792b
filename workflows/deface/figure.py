"""What is left, for somebody to look at: three planes with the brain's outline, and the head from the front."""

from pathlib import Path

import nibabel as nib
import numpy as np
from head import Head
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["write_figure"]

_SKIN_SHARE_OF_BRAIN = 0.25
_BRAIN_RED = "#d8653f"


def write_figure(path: Path, head: Head, brain: NDArray[np.bool_], removed: NDArray[np.bool_]) -> None:
    """Draw sagittal, coronal and axial planes through the middle of the brain, and the surface from the front.

    Nothing that was removed is drawn.
    """
    turn = nib.io_orientation(head.affine)
    spacing_mm = np.linalg.norm(head.affine[:3, :3], axis=0)[np.argsort(turn[:, 0])]
    left = nib.apply_orientation(np.where(removed, 0, head.signal), turn)
    inside = nib.apply_orientation(brain, turn)
    middle = np.rint(np.argwhere(inside).mean(0)).astype(int)
    bright = float(np.median(left[inside]))
    figure = Figure(figsize=(14, 4), facecolor="black", layout="tight")
    FigureCanvasAgg(figure)
    for place, (axis, name) in enumerate(((0, "sagittal"), (1, "coronal"), (2, "axial")), start=1):
        drawn = figure.add_subplot(1, 4, place)
        across, up = (spacing_mm[other] for other in range(3) if other != axis)
        plane, outline = (np.take(volume, middle[axis], axis).T for volume in (left, inside))
        drawn.imshow(plane, cmap="gray", vmin=0, vmax=2 * bright, origin="lower", aspect=up / across)
        drawn.contour(outline, [0.5], colors=_BRAIN_RED, linewidths=0.7)
        _finish(drawn, name, mirrored=axis != 0)
    drawn = figure.add_subplot(1, 4, 4)
    shaded = _from_the_front(left > _SKIN_SHARE_OF_BRAIN * bright, spacing_mm)
    drawn.imshow(shaded.T, cmap="gray", vmin=0, vmax=1, origin="lower", aspect=spacing_mm[2] / spacing_mm[0])
    _finish(drawn, "from the front", mirrored=True)
    figure.savefig(path, dpi=90)


def _finish(drawn: object, name: str, *, mirrored: bool) -> None:
    """Radiological: the patient's right on the left of the picture."""
    drawn.set_title(name, color="white")
    drawn.set_axis_off()
    if mirrored:
        drawn.invert_xaxis()


def _from_the_front(tissue: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Brightness 0 to 1, shape (right, head): 1 where the first tissue met faces the viewer, 0 where there is none."""
    depth_mm = tissue[:, ::-1].argmax(1) * spacing_mm[1]
    along_right, along_head = np.gradient(depth_mm, spacing_mm[0], spacing_mm[2])
    return np.asarray(tissue.any(1) / np.sqrt(1 + along_right**2 + along_head**2))
