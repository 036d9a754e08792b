"""What a scanner makes of a signal: thick slices with gaps, coil shading, noise, units of its own."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.brain_mr import bias_field

__all__ = ["acquired", "rician"]

Field = NDArray[np.float32]

_THICK_MM = (1, 2, 3, 4, 5)
_THICK_CHANCES = (0.5, 0.15, 0.15, 0.1, 0.1)
_GAP_CHANCE = 0.3
_AXIS_CHANCES = (0.15, 0.15, 0.7)
_NOISE = (0.01, 0.045)
_BIAS = (0.03, 0.14)
_BLUR = (0.0, 0.7)
_SCALE = (150.0, 2500.0)


def acquired(signal: Field, draw: np.random.Generator, *, reference: bool) -> Field:
    """One sequence as it comes out of registration: on cubes of 1 mm, with the faults of a scanner of its own.

    Parameters
    ----------
    reference
        The sequence that the others are laid onto: its slices are never thicker than 2 mm.
    """
    seen = ndimage.gaussian_filter(signal, float(draw.uniform(*_BLUR)))
    seen *= bias_field(signal.shape, draw, float(draw.uniform(*_BIAS)))
    thick = int(draw.choice(_THICK_MM, p=_THICK_CHANCES))
    if reference:
        thick = min(thick, 2)
    gap = int(thick > 2 and draw.random() < _GAP_CHANCE)
    axis = int(draw.choice(3, p=_AXIS_CHANCES))
    sigma = float(draw.uniform(*_NOISE))
    if thick > 1:
        seen = ndimage.uniform_filter1d(seen, thick, axis)
    phase = int(draw.integers(thick + gap))
    slices = rician(np.take(seen, range(phase, seen.shape[axis], thick + gap), axis), sigma, draw)
    # The mean of an even number of cubes lies half a cube before the one that it is written to.
    middle = phase - 0.5 * (thick % 2 == 0)
    raised = _between(slices, axis, (np.arange(seen.shape[axis]) - middle) / (thick + gap))
    return raised * np.float32(draw.uniform(*_SCALE))


def rician(signal: Field, sigma: float, draw: np.random.Generator) -> Field:
    """The magnitude of a signal with noise of standard deviation `sigma` in both channels."""
    real, imaginary = (np.float32(sigma) * draw.standard_normal(signal.shape, np.float32) for _ in range(2))
    return np.asarray(np.hypot(signal + real, imaginary), np.float32)


def _between(slices: Field, axis: int, at: NDArray[np.float64]) -> Field:
    """Interpolate linearly along one axis, at places counted in slices; the outermost slices reach outwards."""
    at = np.clip(at, 0, slices.shape[axis] - 1)
    low = at.astype(np.intp)
    share = (at - low).astype(np.float32).reshape([-1 if axis == other else 1 for other in range(3)])
    below = np.take(slices, low, axis)
    return below + share * (np.take(slices, np.minimum(low + 1, slices.shape[axis] - 1), axis) - below)
