"""How well a label map agrees with the truth: Dice, 95th percentile of the surface distance, error of the volume."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from labels import REGIONS
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["METRICS", "Score", "scores"]

METRICS = ("dice", "hd95_mm", "volume_error_ml")


@dataclass(frozen=True, slots=True)
class Score:
    """One region of one case.

    Attributes
    ----------
    dice
        1 where neither has any of it, 0 where only one has (as BraTS counts).
    hd95_mm
        The greater of both directions' 95th percentiles; nan where only one has any, 0 where neither has.
    volume_error_ml
        Found minus true.
    true_ml
        Volume of the truth.
    """

    case: str
    region: str
    dice: float
    hd95_mm: float
    volume_error_ml: float
    true_ml: float

    def row(self) -> dict[str, str | float]:
        """As a row of a table."""
        return asdict(self)


def scores(
    case: str, found: NDArray[np.uint8], truth: NDArray[np.uint8], spacing_mm: NDArray[np.float64]
) -> list[Score]:
    """One score for every region; both label maps on one grid."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    made = []
    for region, values in REGIONS.items():
        one, other = np.isin(found, values), np.isin(truth, values)
        sizes = int(one.sum()), int(other.sum())
        dice = 2 * int((one & other).sum()) / sum(sizes) if sum(sizes) else 1.0
        made.append(
            Score(
                case,
                region,
                dice,
                _hd95_mm(one, other, spacing_mm),
                (sizes[0] - sizes[1]) * voxel_ml,
                sizes[1] * voxel_ml,
            )
        )
    return made


def _hd95_mm(one: NDArray[np.bool_], other: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> float:
    if not one.any() and not other.any():
        return 0.0
    if not one.any() or not other.any():
        return float("nan")
    box = ndimage.find_objects((one | other).astype(np.uint8))[0]
    one, other = np.pad(one[box], 1), np.pad(other[box], 1)
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    away = [ndimage.distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces]
    return float(max(np.percentile(away[1][surfaces[0]], 95), np.percentile(away[0][surfaces[1]], 95)))
