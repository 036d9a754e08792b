"""Otsu's thresholds (IEEE Trans. SMC 1979; 9: 62-66) between two and between three classes."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["three_classes", "two_classes"]

_BINS = 256


def two_classes(values: NDArray[np.float32]) -> float:
    """The threshold that leaves most variance between the two classes."""
    weight, sums, middles = _cumulated(values)
    low, high = weight[:-1], weight[-1] - weight[:-1]
    between = sums[:-1] ** 2 / np.maximum(low, 1) + (sums[-1] - sums[:-1]) ** 2 / np.maximum(high, 1)
    return float(middles[between.argmax()])


def three_classes(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The two thresholds that leave most variance between three classes; all pairs are tried."""
    weight, sums, middles = _cumulated(values)
    low, high = np.triu_indices(_BINS - 1, 1)
    parts = ((weight[low], sums[low]), (weight[high] - weight[low], sums[high] - sums[low]))
    parts = (*parts, (weight[-1] - weight[high], sums[-1] - sums[high]))
    between = sum(total**2 / np.maximum(count, 1) for count, total in parts)
    best = int(between.argmax())
    return np.array([middles[low[best]], middles[high[best]]])


def _cumulated(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Count and sum of all values up to each bin, and the bins' middles."""
    counts, edges = np.histogram(values, _BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    return np.cumsum(counts).astype(np.float64), np.cumsum(counts * middles), middles
