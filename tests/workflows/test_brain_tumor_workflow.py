"""The brain tumour, run as the engine runs it, on lesions of known volume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from job_folder import ROOT, Run, assert_accepted, dice, lay_out, run_workflow
from pydicom import dcmread

from examples.data import GeneratedStudy

FIELDS = {
    "necrotic_core": "necrotic_core_volume",
    "edema": "edema_volume",
    "enhancing": "enhancing_volume",
}


@pytest.fixture
def run(folder: Path, network_packages: str) -> Callable[..., Run]:
    def go(series: Mapping[str, Sequence[Path]], model: str = "classical") -> Run:
        return run_workflow("brain_tumor", folder, series, packages=network_packages, model=model)

    return go


@pytest.fixture(scope="module")
def small_run(
    small_brain: GeneratedStudy, network_packages: str, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """By the classical baseline, which takes coarse images, too."""
    folder = tmp_path_factory.mktemp("brain") / "job"
    return run_workflow(
        "brain_tumor", folder, small_brain.series, packages=network_packages, model="classical"
    )


def moved(files: Sequence[Path], to: Path, **changes: object) -> list[Path]:
    """The same images with other headers; ``shift_mm`` moves them to the patient's left."""
    to.mkdir()
    for path in files:
        image = dcmread(path)
        for keyword, value in changes.items():
            if keyword == "shift_mm":
                x, y, z = image.ImagePositionPatient
                image.ImagePositionPatient = [float(x) + value, y, z]
            else:
                setattr(image, keyword, value)
        image.save_as(to / path.name)
    return sorted(to.iterdir())


def test_the_engine_takes_everything_it_writes(small_run: Run, small_brain: GeneratedStudy) -> None:
    assert small_run.code == 0, small_run.error
    assert_accepted(small_run, "brain_tumor", small_brain.series)
    assert small_run.files == {"mask/tumor.nii.gz", "figures/tumor.png", "report/run.json", "output.json"}


def test_the_volumes_are_those_that_were_implanted(small_run: Run, small_brain: GeneratedStudy) -> None:
    for label, field in FIELDS.items():
        assert small_run.values[field] == pytest.approx(small_brain.volumes_mm3[label], rel=0.15)
    assert small_run.values["whole_tumor_volume"] == pytest.approx(
        sum(small_run.values[field] for field in FIELDS.values()), rel=1e-3
    )


def test_the_labels_lie_where_they_were_implanted(small_run: Run, small_brain: GeneratedStudy) -> None:
    truth, found = nib.load(small_brain.truth), small_run.labels("tumor")
    np.testing.assert_allclose(
        nib.load(small_run.output / "mask" / "tumor.nii.gz").affine, truth.affine, atol=1e-3
    )
    for label in (1, 2, 3):
        assert dice(found == label, np.asarray(truth.dataobj) == label) > 0.85


def test_it_says_how_long_each_step_took_and_which_model_looked(small_run: Run) -> None:
    told = json.loads((small_run.output / "report" / "run.json").read_text())
    assert told["model"] == "classical"
    assert {"reading", "registration", "brain", "network", "mapping back"} <= told["seconds"].keys()


def test_one_sequence_under_two_names_is_refused(
    small_brain: GeneratedStudy, tmp_path: Path, run: Callable[..., Run]
) -> None:
    """The thesis's fault: an image that was there twice stood in for one that was missing."""
    other = {"SeriesInstanceUID": "2.25.77", "SeriesDescription": "T2w"}
    twice = moved(small_brain.series["FLAIR"], tmp_path / "t2w", **other)
    done = run(dict(small_brain.series) | {"T2w": twice})
    assert_refused(done, "T2w and FLAIR are the same images")


def test_one_series_under_two_names_is_refused(small_brain: GeneratedStudy, run: Callable[..., Run]) -> None:
    done = run(dict(small_brain.series) | {"T2w": small_brain.series["FLAIR"]})
    assert_refused(done, "T2w and FLAIR are the same series")


def test_a_missing_sequence_is_refused(small_brain: GeneratedStudy, run: Callable[..., Run]) -> None:
    done = run({name: files for name, files in small_brain.series.items() if name != "T1wCE"})
    assert_refused(done, "no series called T1wCE")


def test_images_left_over_from_another_study_are_refused(
    small_brain: GeneratedStudy, tmp_path: Path, run: Callable[..., Run]
) -> None:
    """The thesis's fault: what another job had left in the input folder was processed again."""
    files = list(small_brain.series["T2w"])
    stale = moved(files[3:4], tmp_path / "stale", StudyInstanceUID="2.25.88")
    done = run(dict(small_brain.series) | {"T2w": [*files[:3], *stale, *files[4:]]})
    assert_refused(done, "of another series or study than T2w of this job")


def test_results_left_over_from_another_run_are_refused(
    small_brain: GeneratedStudy, tmp_path: Path, network_packages: str
) -> None:
    data, output = lay_out("brain_tumor", tmp_path, small_brain.series)
    (output / "output.json").write_text("[]")
    program = [sys.executable, "brain_tumor.py", str(data), str(output)]
    environment = os.environ | {"PYTHONPATH": network_packages, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        program, cwd=ROOT / "workflows" / "brain_tumor", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "holds output.json of another run" in done.stderr
    assert (output / "output.json").read_text() == "[]"


def test_sequences_in_the_wrong_order_are_refused(
    small_brain: GeneratedStudy, run: Callable[..., Run]
) -> None:
    """The thesis's fault: channels in another order than in training, and a mask that looked like one."""
    series = dict(small_brain.series)
    series["T1w"], series["T2w"] = series["T2w"], series["T1w"]
    done = run(series, "unet")
    assert_refused(done, "the sequences seem to be named wrongly")
    assert "T1w looks like T2w" in done.error


def test_a_localizer_is_refused(small_brain: GeneratedStudy, run: Callable[..., Run]) -> None:
    done = run(dict(small_brain.series) | {"T2w": small_brain.series["T2w"][20:25]})
    assert_refused(done, "T2w has 5 slices")


def test_a_part_of_a_head_is_refused(small_brain: GeneratedStudy, run: Callable[..., Run]) -> None:
    done = run(dict(small_brain.series) | {"T2w": small_brain.series["T2w"][20:40]})
    assert_refused(done, "T2w covers 60 mm of the head")


def test_images_without_a_brain_are_refused(
    small_brain: GeneratedStudy, tmp_path: Path, run: Callable[..., Run]
) -> None:
    dark = {
        name: moved(files, tmp_path / name, PixelData=bytes([number]) * (2 * 66 * 78))
        for number, (name, files) in enumerate(small_brain.series.items())
    }
    assert_refused(run(dark), "no brain was found")


def assert_refused(run: Run, said: str) -> None:
    """A sentence, no traceback, and nothing written."""
    assert run.code == 1
    assert f"brain_tumor: not processed, because {said}" in run.error or said in run.error, run.error
    assert "Traceback" not in run.error
    assert not run.files


@pytest.mark.slow
def test_the_network_finds_no_tumour_in_a_brain_without_one(
    healthy_brain: GeneratedStudy, run: Callable[..., Run]
) -> None:
    done = run(healthy_brain.series, "unet")
    assert done.code == 0, done.error
    assert done.values["whole_tumor_volume"] < 3000
    assert_accepted(done, "brain_tumor", healthy_brain.series)
