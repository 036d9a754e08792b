"""Small studies to send: quick to de-identify, and with an identity planted in every header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from examples.data.dicom_series import write_series
from examples.data.headers import SeriesText, StudyText
from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume

__all__ = ["small_ct"]


def small_ct(
    folder: Path, *, seed: int = 1, slices: int = 8, number: int = 1, brightness: int = 0
) -> tuple[Path, ...]:
    """A CT series of 16 × 16 pixels: one seed is one study, one number one series; the same call, the same bytes."""
    noise = np.random.default_rng(seed).integers(-100, 100, (16, 16, slices), dtype=np.int16)
    affine = np.diag([-2.0, -2.0, 3.0, 1.0])
    study = StudyText(f"small {seed}", PlantedIdentity.from_seed(seed), "small study")
    series = SeriesText("CT", number, f"small {number}", "CHEST")
    return write_series(folder, Volume(noise + np.int16(brightness), affine), study, series)
