"""From channels to probabilities: the whole cropped brain in one pass, or in windows with Gaussian weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from volumes import padded_shape

__all__ = ["FLIPS", "Infer", "flipped", "in_windows", "one_pass"]

Volume = NDArray[np.float32]
Infer = Callable[[Volume], Volume]

_WINDOW, _OVERLAP = 128, 0.25
# The volume itself, and left and right exchanged.
FLIPS: tuple[tuple[int, ...], ...] = ((), (1,))


def one_pass(network: Callable[..., Any]) -> Infer:
    """Run the network on a padded volume; softmax over its outputs."""

    def infer(channels: Volume) -> Volume:
        shape = channels.shape[1:]
        padding = [(0, 0)] + [(0, new - old) for new, old in zip(padded_shape(shape), shape, strict=True)]
        scores = np.asarray(network(np.pad(channels, padding)[None])[0])[0]
        return _softmax(scores[(slice(None), *map(slice, shape))])

    return infer


def in_windows(infer: Infer, window: int = _WINDOW, overlap: float = _OVERLAP) -> Infer:
    """Run window after window and blend them with Gaussian weights, as MONAI's sliding window does."""
    line = np.exp(-0.5 * ((np.arange(window) - (window - 1) / 2) / (window / 8)) ** 2)
    weight = np.maximum(line[:, None, None] * line[None, :, None] * line, 1e-3).astype(np.float32)

    def run(channels: Volume) -> Volume:
        shape = channels.shape[1:]
        padded = np.pad(channels, [(0, 0)] + [(0, max(0, window - size)) for size in shape])
        total, weights = None, np.zeros(padded.shape[1:], np.float32)
        for at in product(*(_starts(size, window, overlap) for size in padded.shape[1:])):
            here = tuple(slice(start, start + window) for start in at)
            found = infer(padded[(slice(None), *here)]) * weight
            total = np.zeros((len(found), *padded.shape[1:]), np.float32) if total is None else total
            total[(slice(None), *here)] += found
            weights[here] += weight
        assert total is not None
        return np.asarray((total / weights)[(slice(None), *map(slice, shape))])

    return run


def flipped(infer: Infer, channels: Volume, flips: tuple[tuple[int, ...], ...] = FLIPS) -> Iterator[Volume]:
    """Probabilities seen in each of the mirrors."""
    for axes in flips:
        seen = infer(np.ascontiguousarray(np.flip(channels, axes)))
        yield np.flip(seen, axes)


def _starts(size: int, window: int, overlap: float) -> list[int]:
    step = max(1, int(window * (1 - overlap)))
    return sorted({min(start, size - window) for start in range(0, max(1, size - window + step), step)})


def _softmax(scores: Volume) -> Volume:
    raised = np.exp(scores - scores.max(0))
    return np.asarray(raised / raised.sum(0), np.float32)
