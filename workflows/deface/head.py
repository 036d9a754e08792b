"""The series as it came: its images in geometric order, and the volume they make."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

__all__ = ["Head", "Unusable", "load_head", "rescale"]

# quickshear cuts along the axes of the volume; with a head askew in it the cut would leave part of the face.
_MOST_OBLIQUE_DEGREES = 30.0


class Unusable(Exception):
    """The series cannot be defaced for certain; the message ends the sentence "not processed, because"."""


@dataclass(frozen=True, slots=True)
class Head:
    """A regular volume of single-frame grey images.

    Attributes
    ----------
    images
        With pixels, ascending along the normal of ImageOrientationPatient.
    signal
        float32, shape (columns, rows, slices): rescaled values.
    affine
        4 x 4, index (column, row, slice, 1) to mm in RAS.
    """

    images: tuple[Dataset, ...]
    signal: NDArray[np.float32]
    affine: NDArray[np.float64]

    def ml(self, mask: NDArray[np.bool_]) -> float:
        """Volume of a mask in millilitres."""
        return float(mask.sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)


def load_head(data: Path, series: dict[str, Any]) -> Head:
    """Read one series of ``job.json``, whose files are in geometric order.

    Raises
    ------
    Unusable
        It is no MR, makes no regular volume, is oblique, in colour, or says that its face is gone already.
    """
    if series["modality"] != "MR":
        raise Unusable(
            f"the brain mask is made for T1-weighted MR, and this is {series['modality'] or 'unknown'}"
        )
    if series["geometry"] is None:
        raise Unusable(f"the images make no volume: {series['geometry_fault']}")
    affine = np.asarray(series["geometry"]["affine_ras"], np.float64)
    _check_oblique(affine)
    images = tuple(pydicom.dcmread(data / name) for name in series["files"])
    for image in images:
        _check_image(image)
    signal = np.stack([_signal(image) for image in images], -1)
    return Head(images, signal, affine)


def rescale(image: Dataset) -> tuple[float, float]:
    """Slope and intercept from stored values to signal (PS3.3 C.11.1)."""
    return float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))


def _signal(image: Dataset) -> NDArray[np.float32]:
    slope, intercept = rescale(image)
    return image.pixel_array.T.astype(np.float32) * slope + intercept


def _check_oblique(affine: NDArray[np.float64]) -> None:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    degrees = float(np.degrees(np.arccos(np.clip(np.abs(axes).max(axis=0).min(), 0, 1))))
    if degrees > _MOST_OBLIQUE_DEGREES:
        raise Unusable(
            f"the slices are oblique by {degrees:.0f} degrees, and the cut is right up to {_MOST_OBLIQUE_DEGREES:.0f}"
        )


def _check_image(image: Dataset) -> None:
    if image.get("RecognizableVisualFeatures") == "NO":
        raise Unusable("the series says that it has no recognizable features (0028,0302)")
    if image.get("SamplesPerPixel") != 1:
        raise Unusable("the images are not grey")
