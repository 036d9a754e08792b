"""A tumour to implant into a brain: necrotic core, enhancing rim, oedema that spreads along white matter."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["LESION_LABELS", "lesion_labels", "smooth_noise"]

LESION_LABELS = {"necrotic_core": 1, "edema": 2, "enhancing": 3}

_SEMI_AXES_MM = (13.0, 20.0)
_RIM_MM = (2.0, 5.0)
_EDEMA_MM = (3.0, 14.0)
_REACH_MM = 38.0
_WOBBLE = 0.12


def lesion_labels(
    white: NDArray[np.float32], tissue: NDArray[np.float32], spacing_mm: float, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Place one lesion in deep white matter and return its label map.

    Parameters
    ----------
    white, tissue : float32 in 0..1, shape (columns, rows, slices)
        Share of white matter, and of grey and white matter together, in each voxel.
    spacing_mm
        Edge of a voxel.

    Returns
    -------
    uint8, same shape
        0 none, 1 necrotic core, 2 oedema, 3 enhancing rim.
    """
    labels = np.zeros(white.shape, np.uint8)
    centre = _deep_in_white_matter(white, spacing_mm, draw)
    reach = int(np.ceil(_REACH_MM / spacing_mm))
    box = tuple(slice(max(0, at - reach), at + reach + 1) for at in centre)
    depth_mm = _depth_mm(
        labels[box].shape, [at - part.start for at, part in zip(centre, box, strict=True)], spacing_mm, draw
    )
    # A rim thinner than a voxel would have holes that no reader of the images could close.
    thinnest_mm = max(_RIM_MM[0], 1.3 * spacing_mm)
    rim_mm = _between((thinnest_mm, _RIM_MM[1]), smooth_noise(depth_mm.shape, 9.0 / spacing_mm, draw))
    # Oedema follows the fibres: far into white matter, hardly into the cortex.
    fibres = ndimage.gaussian_filter(white[box], 1.5 / spacing_mm)
    edema_mm = _EDEMA_MM[0] + (_EDEMA_MM[1] - _EDEMA_MM[0]) * np.clip(1.6 * fibres - 0.5, 0.0, 1.0)
    edema_mm *= _between((0.7, 1.2), smooth_noise(depth_mm.shape, 7.0 / spacing_mm, draw))
    lesion = labels[box]
    brain = tissue[box] > 0.5
    lesion[(depth_mm > -edema_mm) & brain] = LESION_LABELS["edema"]
    # The mass displaces what was there, so it may lie on anything inside the head.
    lesion[depth_mm > 0] = LESION_LABELS["enhancing"]
    lesion[depth_mm > rim_mm] = LESION_LABELS["necrotic_core"]
    lesion[ndimage.gaussian_filter(tissue[box], 2.0 / spacing_mm) < 0.3] = 0
    pieces, _ = ndimage.label(lesion)
    # Oedema spreads from the mass: what lies beyond a gap (the other hemisphere) is none.
    lesion[pieces != pieces[tuple(at - part.start for at, part in zip(centre, box, strict=True))]] = 0
    open_core = (lesion == LESION_LABELS["necrotic_core"]) & ndimage.binary_dilation(lesion == 0)
    lesion[open_core] = LESION_LABELS["enhancing"]
    return labels


def smooth_noise(
    shape: tuple[int, ...], scale_voxels: float, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return a smooth random field of mean 0 and standard deviation 1.

    Noise on a coarse grid, raised linearly: cubic raising of the full grid takes minutes where this takes
    tenths.
    """
    step = max(1, round(scale_voxels))
    coarse = draw.standard_normal([size // step + 3 for size in shape], dtype=np.float32)
    field = ndimage.gaussian_filter(coarse, 0.6)
    for axis, size in enumerate(shape):
        at = np.arange(size, dtype=np.float32) / step
        low = at.astype(np.intp)
        share = (at - low).reshape([-1 if axis == other else 1 for other in range(len(shape))])
        field = np.take(field, low, axis) * (1 - share) + np.take(field, low + 1, axis) * share
    return ((field - field.mean()) / field.std()).astype(np.float32)


def _between(limits: tuple[float, float], noise: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = limits
    return (low + (high - low) * np.clip(0.5 + noise / 4, 0.0, 1.0)).astype(np.float32)


def _deep_in_white_matter(
    white: NDArray[np.float32], spacing_mm: float, draw: np.random.Generator
) -> tuple[int, ...]:
    """Choose one of the voxels around which a ball of 2 cm holds most white matter, in the upper half of the
    head."""
    step = max(1, round(4.0 / spacing_mm))
    coarse = ndimage.gaussian_filter(white[::step, ::step, ::step], 9.0 / (step * spacing_mm))
    coarse[:, :, : coarse.shape[2] // 2] = 0
    middle = coarse.shape[0] // 2
    coarse[middle - 3 : middle + 4] = 0  # clear of the midline
    candidates = np.argwhere(coarse > 0.9 * coarse.max())
    return tuple(int(at) * step for at in candidates[draw.integers(len(candidates))])


def _depth_mm(
    shape: tuple[int, ...], centre: list[int], spacing_mm: float, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return the approximate depth below the surface of a wobbling, tilted ellipsoid; negative outside."""
    axes_mm = draw.uniform(*_SEMI_AXES_MM, 3)
    tilt, _ = np.linalg.qr(draw.standard_normal((3, 3)))
    offsets = np.stack(np.indices(shape, np.float32), -1) - np.asarray(centre, np.float32)
    radius = np.linalg.norm(
        (offsets * spacing_mm) @ tilt.astype(np.float32) / axes_mm.astype(np.float32), axis=-1
    )
    radius *= 1 + _WOBBLE * smooth_noise(shape, 8.0 / spacing_mm, draw)
    return ((1 - radius) * axes_mm.mean()).astype(np.float32)
