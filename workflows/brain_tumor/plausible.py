"""What is taken for a tumour: of some size, with a core; and what is taken for enhancing: more than a trace of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from labels import ENHANCING, NECROTIC_CORE
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Plausible"]

_NONE = np.array([1, 0, 0, 0], np.float32)[:, None]
_TOUCHING = np.ones((3, 3, 3))


@dataclass(frozen=True, slots=True)
class Plausible:
    """Limits for what hangs together, in cubes of 1 mm; zeros keep everything.

    Attributes
    ----------
    piece_mm3
        What is smaller is a speck, and none.
    core_mm3
        What has less core (necrotic and enhancing) is none: oedema comes from a mass, bright white matter does not.
    enhancing
        Where a lesser share of the core enhances, none of it does.
    """

    piece_mm3: float = 0.0
    core_mm3: float = 0.0
    enhancing: float = 0.0

    @classmethod
    def of(cls, output: dict[str, Any]) -> Plausible:
        """From what a bundle's metadata says of its output."""
        return cls(
            output.get("smallest_mm3", 0.0),
            output.get("smallest_core_mm3", 0.0),
            output.get("least_enhancing_share", 0.0),
        )

    def only(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Say, in place, that there is no tumour and no enhancement where these would be implausible.

        Parameters
        ----------
        probabilities : float32, shape (4, right, front, head)
            Of no tumour, necrotic core, oedema, enhancing.
        """
        labels = probabilities.argmax(0)
        pieces, count = ndimage.label(labels > 0, _TOUCHING)
        sizes, cores, bright = (
            np.bincount(pieces[chosen], minlength=count + 1)
            for chosen in (labels > 0, np.isin(labels, (NECROTIC_CORE, ENHANCING)), labels == ENHANCING)
        )
        none = (sizes < self.piece_mm3) | (cores < self.core_mm3)
        dull = bright < self.enhancing * cores
        none[0] = dull[0] = False
        probabilities[:, none[pieces]] = _NONE
        where = dull[pieces]
        probabilities[NECROTIC_CORE, where] += probabilities[ENHANCING, where]
        probabilities[ENHANCING, where] = 0
        return probabilities
