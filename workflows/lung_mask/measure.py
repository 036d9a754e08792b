"""Numbers of the lungs, taken on the CT's own grid."""

import numpy as np
from lungs import LEFT, RIGHT
from numpy.typing import NDArray

__all__ = ["measurements"]

_LOW_ATTENUATION_HU = -950


def measurements(hu: NDArray[np.float32], labels: NDArray[np.uint8], voxel_mm3: float) -> dict[str, float]:
    """Return volume (mL), mean density (HU) and the share below -950 HU (%) of each lung and of both.

    Of a lung that is not there only the volume is given: the mean of nothing is no number.
    """
    found: dict[str, float] = {}
    for prefix, mask in (
        ("left_lung", labels == LEFT),
        ("right_lung", labels == RIGHT),
        ("lungs", labels > 0),
    ):
        values = hu[mask]
        found[f"{prefix}_volume"] = round(len(values) * voxel_mm3 / 1000, 2)
        if len(values):
            found[f"{prefix}_density"] = round(float(values.mean(dtype=np.float64)), 2)
            found[f"{prefix}_below_950"] = round(float((values < _LOW_ATTENUATION_HU).mean() * 100), 3)
    return found
