"""The smallest workflow: one series, one number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from job_folder import assert_accepted, run_workflow

from examples.data import SeriesText, StudyText, Volume, write_series
from examples.data.identity import PlantedIdentity


def ball(folder: Path, noise: float) -> tuple[Path, ...]:
    """An MR of a ball of brightness 1000 in noise of known strength."""
    distance = np.linalg.norm(np.indices((64, 64, 12)) - np.array([32, 32, 6]).reshape(3, 1, 1, 1), axis=0)
    draw = np.random.default_rng(5)
    real, imaginary = draw.normal(0, noise, (2, 64, 64, 12))
    voxels = np.rint(np.hypot(1000.0 * (distance < 24) + real, imaginary)).astype(np.uint16)
    study = StudyText("ball", PlantedIdentity.from_seed(1), "MR")
    return write_series(folder, Volume(voxels, np.eye(4)), study, SeriesText("MR", 1, "ball", "HEAD"))


@pytest.mark.parametrize("noise", [10.0, 25.0, 50.0])
def test_it_finds_the_ratio_that_was_put_in(tmp_path: Path, folder: Path, noise: float) -> None:
    files = ball(tmp_path / "ball", noise)
    run = run_workflow("snr", folder, {"image": files})
    assert run.values["signal_to_noise"] == pytest.approx(1000 / noise, rel=0.05)
    assert_accepted(run, "snr", {"image": files})


@pytest.mark.parametrize(
    ("name", "low", "high"), [("mr_brain_t1_dicom", 10, 100), ("ct_abdomen_dicom", 20, 1000)]
)
def test_it_runs_on_real_mr_and_on_compressed_ct(
    real_data: Path, folder: Path, name: str, low: float, high: float
) -> None:
    files = sorted((real_data / name).iterdir())
    run = run_workflow("snr", folder, {"image": files})
    assert run.code == 0, run.error
    assert low < run.values["signal_to_noise"] < high


def test_images_without_noise_are_refused(tmp_path: Path, folder: Path) -> None:
    run = run_workflow("snr", folder, {"image": ball(tmp_path / "ball", 0.0)})
    assert run.code == 1
    assert "no noise" in run.error
    assert not run.files
