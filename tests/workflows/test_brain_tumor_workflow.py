"""The brain tumour, run as the engine runs it, on lesions of known volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from job_folder import Run, assert_accepted, dice, run_workflow
from pydicom import dcmread

from examples.data import GeneratedStudy, make_brain_mr

FIELDS = {
    "necrotic_core": "necrotic_core_volume",
    "edema": "edema_volume",
    "enhancing": "enhancing_volume",
}


@pytest.fixture(scope="module")
def small_run(small_brain: GeneratedStudy, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_workflow("brain_tumor", tmp_path_factory.mktemp("brain") / "job", small_brain.series)


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


def test_the_volumes_are_those_that_were_implanted(small_run: Run, small_brain: GeneratedStudy) -> None:
    for label, field in FIELDS.items():
        assert small_run.values[field] == pytest.approx(small_brain.volumes_mm3[label], rel=0.1)


def test_the_labels_lie_where_they_were_implanted(small_run: Run, small_brain: GeneratedStudy) -> None:
    truth, found = nib.load(small_brain.truth), small_run.labels("tumor")
    np.testing.assert_allclose(
        nib.load(small_run.output / "mask" / "tumor.nii.gz").affine, truth.affine, atol=1e-3
    )
    for label in (1, 2, 3):
        assert dice(found == label, np.asarray(truth.dataobj) == label) > 0.9


def test_a_brain_without_a_tumour_is_a_result(healthy_brain: GeneratedStudy, folder: Path) -> None:
    run = run_workflow("brain_tumor", folder, healthy_brain.series)
    assert run.code == 0, run.error
    assert not run.labels("tumor").any()
    assert run.values == dict.fromkeys(FIELDS.values(), 0.0)
    assert_accepted(run, "brain_tumor", healthy_brain.series)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shift_mm": 0.5}, "FLAIR lies up to 0.500 mm off"),
        ({"FrameOfReferenceUID": "2.25.1"}, "FLAIR has another frame of reference"),
    ],
)
def test_a_series_on_another_grid_is_refused(
    small_brain: GeneratedStudy, folder: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    series = dict(small_brain.series) | {
        "FLAIR": moved(small_brain.series["FLAIR"], tmp_path / "flair", **change)
    }
    run = run_workflow("brain_tumor", folder, series)
    assert run.code == 1
    assert said in run.error and "Traceback" not in run.error
    assert not run.files


def test_a_series_with_a_slice_less_is_refused(small_brain: GeneratedStudy, folder: Path) -> None:
    series = dict(small_brain.series) | {"T2w": small_brain.series["T2w"][:-1]}
    run = run_workflow("brain_tumor", folder, series)
    assert run.code == 1
    assert "T2w has 66x78x62 voxels, not 66x78x63" in run.error
    assert not run.files


def test_an_offset_below_a_micrometre_is_no_offset(
    small_brain: GeneratedStudy, folder: Path, tmp_path: Path
) -> None:
    series = dict(small_brain.series) | {
        "T1w": moved(small_brain.series["T1w"], tmp_path / "t1w", shift_mm=0.0005)
    }
    assert run_workflow("brain_tumor", folder, series).code == 0


def test_the_order_of_the_series_in_the_job_does_not_matter(
    small_run: Run, small_brain: GeneratedStudy, folder: Path
) -> None:
    backwards = dict(reversed(small_brain.series.items()))
    assert run_workflow("brain_tumor", folder, backwards).values == small_run.values


def test_images_without_a_brain_are_refused(
    small_brain: GeneratedStudy, folder: Path, tmp_path: Path
) -> None:
    dark: Mapping[str, list[Path]] = {
        name: blank(files, tmp_path / name) for name, files in small_brain.series.items()
    }
    run = run_workflow("brain_tumor", folder, dark)
    assert run.code == 1
    assert "no brain found" in run.error and "Traceback" not in run.error


def blank(files: Sequence[Path], to: Path) -> list[Path]:
    return moved(files, to, PixelData=bytes(2 * 66 * 78))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2])
def test_at_one_millimetre_the_volumes_are_found_again(made, folder: Path, seed: int) -> None:
    study = made(make_brain_mr, seed)
    run = run_workflow("brain_tumor", folder, study.series)
    for label, field in FIELDS.items():
        assert run.values[field] == pytest.approx(study.volumes_mm3[label], rel=0.15)
