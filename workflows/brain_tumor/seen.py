"""What a model gives back, whichever it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from prepare import Prepared

__all__ = ["Look", "Seen", "label_map", "only_in_brain"]

Volume = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model saw in cubes of 1 mm.

    Attributes
    ----------
    probabilities : float32, shape (4, right, front, head)
        Of no tumour, necrotic core, oedema, enhancing.
    each : uint8, shape (right, front, head)
        Label maps of every mirror; only the result's own where no mirrors were used.
    model
        Name, version and the first digits of the hash of its files.
    """

    probabilities: Volume
    each: tuple[NDArray[np.uint8], ...]
    model: str


_NONE = np.array([1, 0, 0, 0], np.float32)[:, None]

Look = Callable[[Prepared], Seen]


def label_map(probabilities: Volume, brain: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The likeliest class of each voxel; 0 outside the brain."""
    return np.where(brain, probabilities.argmax(0), 0).astype(np.uint8)


def only_in_brain(probabilities: Volume, brain: NDArray[np.bool_]) -> Volume:
    """Say, in place, that there is no tumour outside the brain."""
    probabilities[:, ~brain] = _NONE
    return probabilities
