"""From channels to probabilities: the whole cropped brain in one pass, or in windows with Gaussian weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from volumes import padded_shape

__all__ = ["FLIPS", "Infer", "flipped", "in_windows", "one_pass", "softmax"]

Volume = NDArray[np.float32]
Infer = Callable[[Volume], Volume]

_OVERLAP = 0.25
# The volume itself, and left and right exchanged.
FLIPS: tuple[tuple[int, ...], ...] = ((), (1,))


def one_pass(network: Callable[..., Any]) -> Infer:
    """Run the network on a padded volume; softmax over its outputs."""

    def infer(channels: Volume) -> Volume:
        shape = channels.shape[1:]
        padding = [(0, 0)] + [(0, new - old) for new, old in zip(padded_shape(shape), shape, strict=True)]
        scores = np.asarray(network(np.pad(channels, padding)[None])[0])[0]
        return softmax(scores[(slice(None), *map(slice, shape))])

    return infer


def in_windows(infer: Infer, window: tuple[int, ...], overlap: float = _OVERLAP) -> Infer:
    """Run window after window and blend them with Gaussian weights, as MONAI and nnU-Net do."""
    weight = np.maximum(reduce(np.multiply.outer, map(_bell, window)), 1e-3).astype(np.float32)

    def run(channels: Volume) -> Volume:
        shape = channels.shape[1:]
        missing = [(0, max(0, edge - size)) for edge, size in zip(window, shape, strict=True)]
        padded = np.pad(channels, [(0, 0), *missing])
        total, weights = None, np.zeros(padded.shape[1:], np.float32)
        sizes = zip(padded.shape[1:], window, strict=True)
        for at in product(*(_starts(size, edge, overlap) for size, edge in sizes)):
            here = tuple(slice(start, start + edge) for start, edge in zip(at, window, strict=True))
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


def softmax(scores: Volume) -> Volume:
    """Probabilities over the first axis."""
    raised = np.exp(scores - scores.max(0))
    return np.asarray(raised / raised.sum(0), np.float32)


def _bell(edge: int) -> NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * ((np.arange(edge) - (edge - 1) / 2) / (edge / 8)) ** 2))


def _starts(size: int, window: int, overlap: float) -> list[int]:
    """As few windows as overlap so much, evenly spread, as nnU-Net places them."""
    steps = math.ceil((size - window) / (window * (1 - overlap)))
    return [round((size - window) * step / max(1, steps)) for step in range(steps + 1)]
