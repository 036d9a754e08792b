"""Tumours of many kinds: rims, solid nodules, ones that do not enhance, several at once, anywhere in the brain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.deformation import pushed
from examples.data.lesion import LESION_LABELS, smooth_noise

__all__ = ["Growth", "grown", "planned"]

Field = NDArray[np.float32]

_RADIUS_MM = (5.0, 24.0)
_RADIUS_OF_OTHERS_MM = (4.0, 9.0)
_EDEMA_MM = (2.0, 18.0)
_RIM_MM = (1.8, 5.5)
_PUSH = 0.35
_NUMBERS = (0, 1, 2, 3)
_CHANCES = (0.06, 0.7, 0.16, 0.08)
_KINDS = ("rim", "solid", "dull")
_KIND_CHANCES = (0.74, 0.14, 0.12)


@dataclass(frozen=True, slots=True)
class Growth:
    """One tumour before it is drawn.

    Attributes
    ----------
    centre
        Voxel of 1 mm.
    kind
        ``rim``: an enhancing rim around a necrotic core; ``solid``: all of it enhances; ``dull``: none does.
    axes_mm
        Semi-axes of the mass.
    edema_mm
        How far oedema reaches into white matter.
    """

    centre: tuple[int, int, int]
    kind: str
    axes_mm: tuple[float, float, float]
    edema_mm: float


def planned(white: Field, at: Field, draw: np.random.Generator) -> list[Growth]:
    """Choose tumours in or near white matter, and push the anatomy aside for them (in `at`, in place).

    Parameters
    ----------
    white : float32, shape (right, front, head)
        Of the anatomy, to be sampled at `at`.
    """
    step = 4
    coarse = ndimage.map_coordinates(white, at[:, ::step, ::step, ::step], order=1, output=np.float32)
    inside = np.argwhere(ndimage.gaussian_filter(coarse, 1.5) > 0.3)
    growths = []
    for number in range(int(draw.choice(_NUMBERS, p=_CHANCES))):
        mean = draw.uniform(*(_RADIUS_OF_OTHERS_MM if number else _RADIUS_MM))
        x, y, z = (int(index) * step for index in inside[draw.integers(len(inside))])
        axes = mean * draw.uniform(0.7, 1.3, 3)
        edema_mm = float(draw.uniform(*_EDEMA_MM)) * (0.5 if number else 1)
        kind = str(draw.choice(_KINDS, p=_KIND_CHANCES))
        growths.append(Growth((x, y, z), kind, (float(axes[0]), float(axes[1]), float(axes[2])), edema_mm))
        pushed(at, (x, y, z), mean, float(draw.uniform(0, _PUSH)) * mean)
    return growths


def grown(growths: list[Growth], shares: Field, draw: np.random.Generator) -> NDArray[np.uint8]:
    """The label map: 0 none, 1 necrotic core and what does not enhance, 2 oedema, 3 enhancing."""
    labels = np.zeros(shares.shape[1:], np.uint8)
    for growth in growths:
        reach = int(max(growth.axes_mm) * 1.6 + growth.edema_mm) + 3
        box = tuple(
            slice(max(0, middle - reach), min(size, middle + reach + 1))
            for middle, size in zip(growth.centre, labels.shape, strict=True)
        )
        _draw(labels[box], growth, shares[(slice(None), *box)], tuple(part.start for part in box), draw)
    return labels


def _draw(
    labels: NDArray[np.uint8],
    growth: Growth,
    shares: Field,
    start: tuple[int, ...],
    draw: np.random.Generator,
) -> None:
    middle = tuple(at - first for at, first in zip(growth.centre, start, strict=True))
    depth_mm = _depth_mm(labels.shape, middle, growth.axes_mm, draw)
    smooth = ndimage.gaussian_filter(shares, (0, 1.5, 1.5, 1.5))
    brain = smooth.sum(0) > 0.6
    # Oedema follows the fibres: far into white matter, hardly into the cortex, and not into the ventricles.
    fibres = np.clip(1.6 * smooth[0] - 0.4, 0.08, 1)
    edema_mm = growth.edema_mm * fibres * np.clip(0.9 + 0.25 * smooth_noise(labels.shape, 8, draw), 0.3, 1.4)
    edema = brain & (depth_mm > -edema_mm) & (shares[2] < 0.5)
    mass = brain & (depth_mm > 0)
    pieces, _ = ndimage.label(edema | mass)
    whole = pieces == pieces[middle] if pieces[middle] else mass
    labels[edema & whole & (labels == 0)] = LESION_LABELS["edema"]
    labels[mass] = LESION_LABELS["necrotic_core"]
    if growth.kind == "dull":
        return
    thick = draw.uniform(*_RIM_MM)
    rim_mm = thick * np.clip(1 + 0.35 * smooth_noise(labels.shape, 7, draw), 0.3, 2)
    bright = mass if growth.kind == "solid" else mass & (depth_mm < rim_mm)
    if growth.kind == "rim" and draw.random() < 0.3:
        # A rim that is open on one side.
        bright &= smooth_noise(labels.shape, 22, draw) < 1.1
    labels[bright] = LESION_LABELS["enhancing"]


def _depth_mm(
    shape: tuple[int, ...], centre: tuple[int, ...], axes_mm: tuple[float, ...], draw: np.random.Generator
) -> Field:
    """Approximate depth below the surface of a tilted, lobed ellipsoid; negative outside."""
    tilt, _ = np.linalg.qr(draw.standard_normal((3, 3)))
    offsets = np.moveaxis(np.indices(shape, np.float32), 0, -1) - np.asarray(centre, np.float32)
    radius = np.linalg.norm(offsets @ tilt.astype(np.float32) / np.asarray(axes_mm, np.float32), axis=-1)
    wobble = draw.uniform(0.06, 0.2)
    radius *= 1 + np.float32(wobble) * smooth_noise(shape, 9, draw)
    radius *= 1 + np.float32(0.5 * wobble) * smooth_noise(shape, 4, draw)
    return np.asarray((1 - radius) * np.mean(axes_mm), np.float32)
