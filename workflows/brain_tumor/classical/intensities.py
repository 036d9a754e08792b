"""Comparable intensities: the brain, the coil's shading taken out, and each sequence divided by its grey matter."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from job import Unusable
from numpy.typing import NDArray
from scipy import ndimage

from classical.otsu import three_classes, two_classes

__all__ = ["GREY", "Head", "normalised"]

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

FLUID, GREY, WHITE = 0, 1, 2

_SMALLEST_BRAIN_ML = 300
_DEGREE = 3
_ROUNDS = 5
_SAMPLE_MM = 4.0
_SMOOTH_MM = 0.7


@dataclass(frozen=True, slots=True)
class Head:
    """Sequences on one grid, comparable with each other.

    Attributes
    ----------
    brain : bool, shape (columns, rows, slices)
    sequences : float32, same shape, by name
        1 is the median of grey matter, 0 where there is no brain.
    tissue : uint8, same shape
        0 fluid, 1 grey, 2 white, as T1w has it; a lesion is one of them too.
    """

    brain: Mask
    sequences: Mapping[str, Volume]
    tissue: NDArray[np.uint8]


def normalised(sequences: Mapping[str, Volume], spacing_mm: NDArray[np.float64]) -> Head:
    """Take shading and scanner units out of skull-stripped or nearly skull-stripped sequences.

    A polynomial of degree 3 is fitted to the logarithm of each sequence, after the mean of each tissue is taken off;
    what fits badly (a lesion) has no say. The idea is Van Leemput's (IEEE TMI 1999; 18: 885-896), with medians.

    Raises
    ------
    Unusable
        There is nothing of the size of a brain.
    """
    brain = _brain(sequences, spacing_mm)
    sample = tuple(slice(None, None, max(1, round(_SAMPLE_MM / mm))) for mm in spacing_mm)
    basis = _Basis(brain.shape)
    inside = brain[sample]
    terms = basis.at(sample)[inside]
    logs = {name: np.log(np.maximum(volume[sample][inside], 1e-3)) for name, volume in sequences.items()}
    shading = {name: np.zeros(basis.size, np.float32) for name in sequences}
    for _ in range(_ROUNDS):
        flat = np.exp(logs["T1w"] - terms @ shading["T1w"])
        tissue = np.digitize(flat, three_classes(flat))
        shading = {name: _fit(logs[name], tissue, terms) for name in sequences}
    limits = three_classes(flat)
    even = {}
    for name, volume in sequences.items():
        grey = np.median(np.exp(logs[name] - terms @ shading[name])[tissue == GREY])
        smooth = ndimage.gaussian_filter(volume, _SMOOTH_MM / spacing_mm)
        even[name] = np.where(brain, smooth / (basis.field(shading[name]) * grey), 0).astype(np.float32)
    grey_t1 = np.median(flat[tissue == GREY])
    return Head(brain, even, np.digitize(even["T1w"], limits / grey_t1).astype(np.uint8))


def _brain(sequences: Mapping[str, Volume], spacing_mm: NDArray[np.float64]) -> Mask:
    total = sum(volume / max(float(np.percentile(volume, 99)), 1e-6) for volume in sequences.values())
    total = ndimage.gaussian_filter(np.asarray(total, np.float32), 1 / spacing_mm)
    pieces, _ = ndimage.label(total > two_classes(total[::3, ::3, ::3]))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    size_ml = float(sizes.max() * np.prod(spacing_mm) / 1000)
    if size_ml < _SMALLEST_BRAIN_ML:
        raise Unusable(
            f"no brain found: the largest bright part has {size_ml:.0f} mL; are these images of a head?"
        )
    return np.asarray(ndimage.binary_fill_holes(pieces == sizes.argmax()))


def _fit(log: Volume, tissue: NDArray[np.intp], terms: Volume) -> Volume:
    """Fit the shading to one sequence; three rounds, each without what the last one could not explain."""
    weights = np.zeros(terms.shape[1], np.float32)
    for _ in range(3):
        rest = log - terms @ weights
        middle = np.array([np.median(rest[tissue == kind]) for kind in (FLUID, GREY, WHITE)])[tissue]
        deviation = np.abs(rest - middle)
        good = deviation < 2.5 * 1.4826 * np.median(deviation)
        # Normal equations: Legendre polynomials are nearly orthogonal, and this is 20 times quicker than lstsq.
        chosen = terms[good]
        weights = np.linalg.solve(chosen.T @ chosen, chosen.T @ (log - middle)[good])
    return weights


class _Basis:
    """Products of Legendre polynomials over the volume, of total degree 1 to 3; no constant."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._axes = [
            np.polynomial.legendre.legvander(np.linspace(-1, 1, size), _DEGREE).astype(np.float32)
            for size in shape
        ]
        degree = np.indices((_DEGREE + 1,) * 3).sum(0)
        self._powers = np.nonzero((degree >= 1) & (degree <= _DEGREE))
        self.size = len(self._powers[0])

    def at(self, sample: tuple[slice, ...]) -> Volume:
        """Every term at the sampled voxels: shape (columns, rows, slices, terms)."""
        x, y, z = (
            axis[part][:, powers] for axis, part, powers in zip(self._axes, sample, self._powers, strict=True)
        )
        return np.einsum("xn,yn,zn->xyzn", x, y, z)

    def field(self, weights: Volume) -> Volume:
        """The shading over the whole volume."""
        cube = np.zeros((_DEGREE + 1,) * 3, np.float32)
        cube[self._powers] = weights
        return np.exp(np.einsum("xi,yj,zk,ijk->xyz", *self._axes, cube, optimize=True))
