"""The lung mask, run as the engine runs it: a program of its own in a job folder."""

from __future__ import annotations

import base64
import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from job_folder import Run, assert_accepted, dice, run_workflow

from examples.data import GeneratedStudy, SeriesText, StudyText, Volume, make_chest_ct, write_series
from examples.data.identity import PlantedIdentity

LEFT, RIGHT = 1, 2


@pytest.fixture(scope="module")
def small_run(small_chest: GeneratedStudy, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("lungs") / "job"
    return run_workflow("lung_mask", folder, {"CT": small_chest.files}, spacing_mm=3.0)


def truth_of(study: GeneratedStudy) -> np.ndarray:
    return np.asarray(nib.load(study.truth).dataobj)


def test_the_engine_takes_everything_it_writes(small_run: Run, small_chest: GeneratedStudy) -> None:
    assert small_run.code == 0, small_run.error
    assert_accepted(small_run, "lung_mask", {"CT": small_chest.files})


def test_the_mask_lies_on_the_grid_of_the_ct(small_run: Run, small_chest: GeneratedStudy) -> None:
    truth, found = nib.load(small_chest.truth), nib.load(small_run.output / "mask" / "lungs.nii.gz")
    assert found.shape == truth.shape
    np.testing.assert_allclose(found.affine, truth.affine, atol=1e-3)


def test_left_is_left_and_right_is_right(small_run: Run, small_chest: GeneratedStudy) -> None:
    truth, found = truth_of(small_chest), small_run.labels("lungs")
    assert dice(found == LEFT, truth == LEFT) > 0.96
    assert dice(found == RIGHT, truth == RIGHT) > 0.96


def test_the_numbers_are_those_of_the_mask(small_run: Run, small_chest: GeneratedStudy) -> None:
    voxel_ml = abs(np.linalg.det(nib.load(small_chest.truth).affine)) / 1000
    values, found = small_run.values, small_run.labels("lungs")
    assert values["left_lung_volume"] == pytest.approx((found == LEFT).sum() * voxel_ml, abs=0.01)
    assert values["lungs_volume"] == pytest.approx(
        values["left_lung_volume"] + values["right_lung_volume"], abs=0.02
    )
    assert -900 < values["lungs_density"] < -700
    assert 0 < values["lungs_below_950"] < 10


def test_numbers_belong_to_the_patient_and_the_event(small_run: Run, small_chest: GeneratedStudy) -> None:
    keys = {(row["record_id"], row["redcap_event_name"]) for row in small_run.rows}
    assert keys == {(small_chest.identity.patient_id, "baseline")}


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_surface_is_closed_faces_outwards_and_encloses_the_lung(small_run: Run, side: str) -> None:
    data = (small_run.output / "mesh" / f"{side}_lung.stl").read_bytes()
    (count,) = struct.unpack_from("<I", data, 80)
    assert len(data) == 84 + 50 * count
    records = np.frombuffer(
        data, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")], offset=84
    )
    a, b, c = records["corners"].astype(np.float64).transpose(1, 0, 2)
    enclosed_ml = float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6 / 1000
    assert enclosed_ml == pytest.approx(small_run.values[f"{side}_lung_volume"], rel=0.03)
    edges = np.sort(np.concatenate([_edges(a, b), _edges(b, c), _edges(c, a)]), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    assert (times % 2 == 0).all()


def _edges(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Edges as pairs of point numbers; points with the same coordinates have the same number."""
    points = np.round(np.concatenate([start, end]), 3).view([("", float)] * 3).ravel()
    rank = np.array([hash(point.tobytes()) for point in points])
    return np.stack([rank[: len(start)], rank[len(start) :]], 1)


@pytest.mark.parametrize("side", ["left", "right"])
def test_surface_and_voxels_lie_at_one_place(small_run: Run, side: str) -> None:
    root = ET.parse(small_run.output / "mesh" / f"{side}_lung.vti").getroot()
    image = root.find("ImageData")
    shape = [int(last) + 1 for last in image.get("WholeExtent").split()[1::2]]
    text = root.find(".//DataArray").text.strip()
    blocks, size, rest, packed = struct.unpack("<4I", base64.b64decode(text[:24]))
    voxels = np.frombuffer(zlib.decompress(base64.b64decode(text[24:])), np.uint8).reshape(shape, order="F")
    assert (blocks, size, rest) == (1, voxels.size, 0)
    assert packed == len(base64.b64decode(text[24:]))
    spacing = np.array(image.get("Spacing").split(), float)
    assert voxels.sum() * np.prod(spacing) / 1000 == pytest.approx(
        small_run.values[f"{side}_lung_volume"], rel=0.03
    )
    direction = np.array(image.get("Direction").split(), float).reshape(3, 3)
    origin = np.array(image.get("Origin").split(), float)
    centre = origin + direction @ (np.argwhere(voxels).mean(0) * spacing)
    stl = (small_run.output / "mesh" / f"{side}_lung.stl").read_bytes()
    corners = np.frombuffer(stl, [("", "<f4", 3), ("corners", "<f4", (3, 3)), ("", "<u2")], offset=84)[
        "corners"
    ]
    low, high = corners.reshape(-1, 3).min(0), corners.reshape(-1, 3).max(0)
    assert np.linalg.norm(centre - (low + high) / 2) < 30
    assert (low < centre).all() and (centre < high).all()
    # In DICOM's patient system x grows to the left.
    assert (centre[0] > 0) == (side == "left")


def test_coronal_slices_give_the_same_lungs(
    small_chest: GeneratedStudy, folder: Path, tmp_path: Path
) -> None:
    ct = Volume(*_volume(small_chest))
    turned = Volume(np.ascontiguousarray(ct.voxels.transpose(0, 2, 1)), ct.affine_ras[:, [0, 2, 1, 3]])
    files = write_series(tmp_path / "coronal", turned, _study(), _series(3))
    run = run_workflow("lung_mask", folder, {"CT": files}, spacing_mm=3.0)
    assert run.code == 0, run.error
    truth = nib.load(small_chest.truth)
    found = nib.load(run.output / "mask" / "lungs.nii.gz")
    # Slices may come back in the other direction: compare the place, not the index.
    where = np.argwhere(np.asarray(truth.dataobj) > 0)[::50]
    world = nib.affines.apply_affine(truth.affine, where)
    index = np.rint(nib.affines.apply_affine(np.linalg.inv(found.affine), world)).astype(int)
    labels = np.asarray(found.dataobj)[tuple(index.T)]
    assert (labels == np.asarray(truth.dataobj)[tuple(where.T)]).mean() > 0.95


def test_images_without_lungs_are_refused_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    belly = np.full((60, 60, 25), -1000, np.int16)
    belly[8:52, 12:48] = 40
    belly[25:30, 25:30, 10:15] = -990
    files = write_series(
        tmp_path / "belly", Volume(belly, np.diag([-6.0, -6.0, 6.0, 1.0])), _study(), _series(4)
    )
    run = run_workflow("lung_mask", folder, {"CT": files}, spacing_mm=3.0)
    assert run.code == 1
    assert "no lungs found" in run.error and "Traceback" not in run.error
    assert not run.files


@pytest.mark.parametrize("value", [-1000, 40])
def test_images_of_nothing_but_one_value_are_refused(folder: Path, tmp_path: Path, value: int) -> None:
    empty = np.full((40, 40, 21), value, np.int16)
    files = write_series(
        tmp_path / "empty", Volume(empty, np.diag([-6.0, -6.0, 6.0, 1.0])), _study(), _series(5)
    )
    run = run_workflow("lung_mask", folder, {"CT": files}, spacing_mm=3.0)
    assert run.code == 1
    assert "found" in run.error and "Traceback" not in run.error
    assert not run.files


def test_slices_that_make_no_volume_are_refused_with_the_reason(real_data: Path, folder: Path) -> None:
    files = sorted((real_data / "ct_head_ge_dicom").glob("*.dcm"))
    run = run_workflow("lung_mask", folder, {"CT": files})
    assert run.code == 1
    assert "make no volume" in run.error and "Traceback" not in run.error


def test_a_compressed_ct_of_the_abdomen_is_read_and_refused(real_data: Path, folder: Path) -> None:
    files = sorted((real_data / "ct_abdomen_dicom").iterdir())
    run = run_workflow("lung_mask", folder, {"CT": files}, spacing_mm=2.0)
    assert run.code == 1
    assert "no lungs found" in run.error


@pytest.mark.slow
def test_the_real_chest_ct_reaches_the_dice_that_was_asked_for(made, folder: Path) -> None:
    study = made(make_chest_ct)
    run = run_workflow("lung_mask", folder, {"CT": study.files})
    assert run.code == 0, run.error
    truth, found = truth_of(study), run.labels("lungs")
    assert dice(found > 0, truth > 0) >= 0.98
    assert dice(found == LEFT, truth == LEFT) >= 0.97
    assert dice(found == RIGHT, truth == RIGHT) >= 0.97


def _volume(study: GeneratedStudy) -> tuple[np.ndarray, np.ndarray]:
    from pydicom import dcmread

    images = [dcmread(path) for path in study.files]
    voxels = np.stack([image.pixel_array.T.astype(np.int16) - 1024 for image in images], -1)
    return voxels, nib.load(study.truth).affine


def _study() -> StudyText:
    return StudyText("lung tests", PlantedIdentity.from_seed(1), "CT")


def _series(number: int) -> SeriesText:
    return SeriesText("CT", number, "made", "CHEST")
