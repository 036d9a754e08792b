"""What goes into the network: which sequence is which channel, and the same scale of intensities for every scanner."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANNELS", "MULTIPLE", "as_channels", "padded_shape", "zscored"]

# The order is part of the weights; everything else goes by name.
CHANNELS = ("T1w", "T1wCE", "T2w", "FLAIR")
# The network halves every axis four times.
MULTIPLE = 16
_LOW, _HIGH = -5.0, 8.0


def as_channels(
    sequences: Mapping[str, NDArray[np.float32]], brain: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Stack sequences by name: float32, shape (4, *shape), each with mean 0 and deviation 1 in the brain, 0 outside."""
    return np.stack([zscored(sequences[name], brain) for name in CHANNELS])


def zscored(volume: NDArray[np.float32], brain: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Subtract the mean of the brain and divide by its deviation; a single bright vessel has no say."""
    inside = volume[brain]
    low, high = np.percentile(inside, (0.5, 99.5))
    middle = np.clip(inside, low, high)
    scaled = (volume - middle.mean()) / max(float(middle.std()), 1e-6)
    return np.where(brain, np.clip(scaled, _LOW, _HIGH), 0).astype(np.float32)


def padded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The next shape that the network can halve as often as it does."""
    return tuple(-(-size // MULTIPLE) * MULTIPLE for size in shape)
