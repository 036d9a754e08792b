"""The parts of the brain-tumour workflow, each held to what it promises; no brain is shown to a network here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_folder import BRAIN_TUMOR as PACKAGE
from job_folder import dice
from scipy import ndimage
from scipy.spatial.transform import Rotation

Part = Callable[[str], ModuleType]


def affine(spacing: Sequence[float], degrees: Sequence[float] = (0, 0, 0)) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * np.asarray(spacing)
    return made


def ellipsoid(shape: Sequence[int], at: np.ndarray, axes_mm: Sequence[float]) -> np.ndarray:
    """An ellipsoid around the middle of a grid, in the patient's own axes."""
    index = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    return (((index @ at[:3, :3].T) / axes_mm) ** 2).sum(-1) < 1


def sequence(part: Part, voxels: np.ndarray, at: np.ndarray, name: str = "T1wCE"):
    study = part("study")
    return study.Sequence(name, study.as_image(voxels.astype(np.float32), at), at, "2.25.1")


@settings(max_examples=10, deadline=None)
@given(
    spacing=st.tuples(st.floats(0.7, 1.5), st.floats(0.7, 1.5), st.floats(1.0, 5.0)),
    degrees=st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_no_brain_is_squished_whatever_its_voxels(
    part: Part, spacing: tuple[float, ...], degrees: tuple[float, ...]
) -> None:
    """The thesis's fault: slices of 5 mm were taken for 1 mm, and the brain came out flat."""
    at = affine(spacing, degrees)
    shape = [int(100 / mm) for mm in spacing]
    series = sequence(part, ellipsoid(shape, at, (30, 30, 30)), at)
    grid = part("registration").common_grid(series)
    assert grid.GetSpacing() == (1.0, 1.0, 1.0)
    cubes = part("prepare")._cubes(part("registration").onto(grid, series.image)) > 0.5
    extents = [int(np.ptp(at)) + 1 for at in np.nonzero(cubes)]
    assert max(extents) - min(extents) <= 1.5 * max(spacing)
    assert cubes.sum() == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.12)


@settings(max_examples=10, deadline=None)
@given(
    spacing=st.tuples(st.floats(0.8, 1.2), st.floats(0.8, 1.2), st.floats(1.0, 3.0)),
    degrees=st.tuples(*[st.floats(-15, 15)] * 3),
)
def test_a_label_comes_back_to_the_grid_it_was_seen_on(
    part: Part, spacing: tuple[float, ...], degrees: tuple[float, ...]
) -> None:
    prepare = part("prepare")
    at = affine(spacing, degrees)
    shape = [int(90 / mm) for mm in spacing]
    truth = ellipsoid(shape, at, (18, 14, 22))
    series = sequence(part, truth, at)
    grid = part("registration").common_grid(series)
    cubes = prepare._cubes(part("registration").onto(grid, series.image))
    box = tuple(slice(int(where.min()), int(where.max()) + 1) for where in np.nonzero(cubes))
    prepared = prepare.Prepared({}, cubes[box] > 0, grid, box, {})
    back = prepare.on_grid_of(series, prepared, cubes[box])
    assert dice(back > 0.5, truth) > 0.95


def test_a_reference_of_one_millimetre_is_not_interpolated(part: Part) -> None:
    voxels = np.random.default_rng(1).random((20, 24, 18), np.float32)
    at = np.diag([-1.0, -1.0, 1.0, 1.0])
    at[:3, 3] = (12.25, -7.5, 3.0)
    series = sequence(part, voxels, at)
    grid = part("registration").common_grid(series)
    cubes = part("prepare")._cubes(part("registration").onto(grid, series.image))
    np.testing.assert_allclose(cubes, voxels[::-1, ::-1], atol=1e-5)


def test_a_moved_series_is_laid_back(part: Part) -> None:
    registration = part("registration")
    draw = np.random.default_rng(2)
    at = affine((2, 2, 2))
    shape = (60, 70, 60)
    texture = ndimage.gaussian_filter(draw.random(shape), 3)
    head = ellipsoid(shape, at, (50, 60, 48)) * (texture / texture.max())
    moved = at.copy()
    moved[:3, :3] = Rotation.from_euler("z", 3, degrees=True).as_matrix() @ at[:3, :3]
    moved[:3, 3] = (3, -2, 1)
    found = registration.registered(
        {"T1wCE": sequence(part, head, at), "T2w": sequence(part, (1 - head) * (head > 0), moved, "T2w")}
    )["T2w"]
    for point in ([60, 70, 60], [30, 40, 50], [80, 90, 70]):
        index = np.linalg.solve(at, [*point, 1.0])
        wanted = np.diag([-1.0, -1.0, 1.0]) @ (moved @ index)[:3]
        given_point = found.transform.TransformPoint([-point[0], -point[1], float(point[2])])
        assert np.linalg.norm(np.array(given_point) - wanted) < 0.7


def test_channels_go_by_name_and_not_by_the_order_they_came_in(part: Part) -> None:
    volumes = part("volumes")
    draw = np.random.default_rng(3)
    sequences = {name: draw.random((8, 8, 8), np.float32) + 1 for name in volumes.CHANNELS}
    brain = np.ones((8, 8, 8), bool)
    one = volumes.as_channels(sequences, brain)
    np.testing.assert_array_equal(one, volumes.as_channels(dict(reversed(sequences.items())), brain))


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.01, 100), offset=st.floats(-50, 50))
def test_the_units_of_a_scanner_do_not_matter(part: Part, gain: float, offset: float) -> None:
    volume = np.random.default_rng(4).random((10, 10, 10), np.float32) * 10
    brain = np.zeros(volume.shape, bool)
    brain[2:8, 2:8, 2:8] = True
    zscored = part("volumes").zscored
    np.testing.assert_allclose(
        zscored(volume, brain), zscored((gain * volume + offset).astype(np.float32), brain), atol=2e-2
    )
    assert not zscored(volume, brain)[~brain].any()


@settings(max_examples=10, deadline=None)
@given(shape=st.tuples(*[st.integers(5, 40)] * 3), window=st.integers(8, 20), overlap=st.floats(0, 0.6))
def test_windows_blend_to_what_one_pass_sees(
    part: Part, shape: tuple[int, ...], window: int, overlap: float
) -> None:
    channels = np.random.default_rng(5).random((4, *shape), np.float32)
    seen = part("network").in_windows(lambda x: x * 2, (window, window, window + 3), overlap)(channels)
    np.testing.assert_allclose(seen, channels * 2, rtol=1e-4)


def test_a_mirror_is_mirrored_back(part: Part) -> None:
    channels = np.random.default_rng(6).random((4, 16, 16, 16), np.float32)
    for seen in part("network").flipped(lambda x: x, channels):
        np.testing.assert_array_equal(seen, channels)


def test_diameters_are_those_of_the_outline_in_the_plane(part: Part) -> None:
    spacing = np.array([0.5, 2.0, 5.0])
    region = np.zeros((80, 30, 6), bool)
    region[10:50, 10:15, 2] = True  # 20 mm by 10 mm
    region[10:14, 10:11, 4] = True
    longest, across = part("measure").diameters_mm(region, spacing)
    assert longest == pytest.approx(np.hypot(20, 10), abs=0.1)
    assert across == pytest.approx(2 * 20 * 10 / np.hypot(20, 10), abs=0.1)
    assert part("measure").diameters_mm(np.zeros((4, 4, 4), bool), spacing) == (0.0, 0.0)


def test_volumes_of_regions_are_sums_of_their_parts(part: Part) -> None:
    labels = np.array([0, 1, 1, 2, 3, 3, 3], np.uint8)
    volumes = part("measure").volumes_mm3(labels, 2.0)
    assert volumes == {
        "necrotic_core": 4,
        "edema": 2,
        "enhancing": 6,
        "tumor_core": 10,
        "whole_tumor": 12,
    }


def test_entropy_is_nothing_where_sure_and_one_where_not(part: Part) -> None:
    chances = np.zeros((4, 1, 1, 2), np.float32)
    chances[0, ..., 0] = 1
    chances[..., 1] = 0.25
    np.testing.assert_allclose(part("measure").entropy(chances).ravel(), [0, 1], atol=1e-5)


def test_what_is_zero_everywhere_outside_one_brain_has_been_stripped(part: Part) -> None:
    brain = ellipsoid((40, 40, 40), np.eye(4), (15, 15, 15))
    draw = np.random.default_rng(7)
    stripped = [(draw.random(brain.shape) + 1) * brain for _ in range(4)]
    found = part("brain").already_stripped([volume.astype(np.float32) for volume in stripped])
    np.testing.assert_array_equal(found, brain)
    raw = [volume + 0.01 for volume in stripped]
    assert part("brain").already_stripped(raw) is None


def test_a_head_in_air_that_is_zero_has_not_been_stripped(part: Part) -> None:
    """Scanners set air to 0: what they leave is larger than any brain."""
    head = ellipsoid((170, 210, 190), np.eye(4), (75, 98, 90)).astype(np.float32)
    assert part("brain").already_stripped([head * (number + 1) for number in range(4)]) is None


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.1, 10), noise=st.floats(0, 0.1))
def test_a_sequence_that_is_another_scaled_or_exported_anew_is_refused(
    part: Part, gain: float, noise: float
) -> None:
    """The thesis's duplicate image, where neither its UID nor its stored values give it away."""
    names = part("volumes").CHANNELS
    draw = np.random.default_rng(10)
    apart = draw.normal(size=(4, 16, 16, 16)).astype(np.float32)
    part("gate").check_no_copies(apart, names)
    copied = apart.copy()
    copied[3] = gain * (apart[2] + noise * draw.normal(size=apart[2].shape))
    with pytest.raises(part("job").Unusable, match="T2w and FLAIR show the same"):
        part("gate").check_no_copies(copied, names)


def pieces(*boxes: tuple[int, int, int]) -> np.ndarray:
    """Probabilities of pieces apart from each other: each so many layers of 16 of necrosis, oedema and enhancing."""
    labels = np.zeros((4, 4, 12 * len(boxes)), np.uint8)
    for number, layers in enumerate(boxes):
        values = np.repeat((1, 2, 3), layers)
        labels[..., 12 * number : 12 * number + len(values)] = values
    return np.stack([labels == label for label in range(4)]).astype(np.float32)


def test_specks_are_no_tumour_and_parts_that_touch_count_together(part: Part) -> None:
    plausible = part("plausible").Plausible
    chances = pieces((2, 0, 0), (0, 4, 2))
    left = plausible(piece_mm3=90).only(chances.copy())
    np.testing.assert_array_equal(left[..., 12:], chances[..., 12:])
    assert left[0, ..., :12].all()
    assert plausible(piece_mm3=97).only(chances.copy())[0].all()


def test_oedema_without_a_core_is_none(part: Part) -> None:
    chances = pieces((0, 8, 0), (1, 8, 0), (0, 7, 1))
    left = part("plausible").Plausible(core_mm3=16).only(chances.copy())
    np.testing.assert_array_equal(left[..., 12:], chances[..., 12:])
    assert left[0, ..., :12].all()


def test_a_trace_of_enhancement_is_core_that_does_not_enhance(part: Part) -> None:
    chances = pieces((9, 0, 1), (4, 2, 1), (0, 4, 4))
    left = part("plausible").Plausible(enhancing=0.15).only(chances.copy()).argmax(0)
    np.testing.assert_array_equal(left[..., :10], 1)
    np.testing.assert_array_equal(left[..., 12:], chances.argmax(0)[..., 12:])


def test_a_bundle_that_sets_no_limits_keeps_what_its_network_finds(part: Part) -> None:
    chances = pieces((1, 0, 0), (0, 1, 0), (0, 0, 1))
    np.testing.assert_array_equal(part("plausible").Plausible.of({}).only(chances.copy()), chances)


def bundle_copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE / "model", tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    return tmp_path / "model"


def test_the_shipped_bundle_is_what_its_metadata_says(part: Part) -> None:
    bundle = part("bundle")
    shipped = bundle.Bundle.read(bundle.SHIPPED)
    assert shipped.channels == part("volumes").CHANNELS
    assert shipped.labels == (0, 1, 2, 3)
    assert shipped.limits
    for path in (PACKAGE / "model").rglob("*.*"):
        assert path.stat().st_size < 5_000_000, f"{path.name} is too large for a repository"


def test_weights_that_were_changed_are_not_used(part: Part, tmp_path: Path) -> None:
    folder = bundle_copy(tmp_path)
    weights = folder / "models" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    with pytest.raises(part("job").Unusable, match="not the file that the model was published with"):
        part("bundle").Bundle.read(folder)


def test_a_bundle_whose_classes_are_unknown_is_refused(part: Part, tmp_path: Path) -> None:
    folder = bundle_copy(tmp_path)
    path = folder / "configs" / "metadata.json"
    said = json.loads(path.read_text())
    said["network_data_format"]["outputs"]["pred"]["channel_def"]["1"] = "liver"
    path.write_text(json.dumps(said))
    with pytest.raises(part("job").Unusable, match="finds 'liver'"):
        part("bundle").Bundle.read(folder)


def test_an_ensemble_is_the_mean_of_its_bundles(part: Part, tmp_path: Path) -> None:
    """Two that differ: the second takes the sequences in another order."""
    folders = [bundle_without_limits(tmp_path / str(number), turned=number) for number in range(2)]
    (tmp_path / "ensemble.json").write_text(json.dumps({str(folder): "" for folder in folders}))
    draw = np.random.default_rng(11)
    mass = ellipsoid((32, 32, 32), np.eye(4), (9, 7, 8)).astype(np.float32)
    bright = zip(part("volumes").CHANNELS, (-0.5, 2, 1, 3), strict=True)
    sequences = {name: 2 + more * mass + 1.5 * draw.random(mass.shape, np.float32) for name, more in bright}
    prepared = part("prepare").Prepared(sequences, np.ones(mass.shape, bool), None, (), {})
    find_model = part("models").find_model
    one, other = (find_model(["bundle", str(folder)])(prepared).probabilities for folder in folders)
    both = find_model(["ensemble", str(tmp_path / "ensemble.json")])(prepared)
    assert np.abs(one - other).max() > 0.1
    np.testing.assert_allclose(both.probabilities, (one + other) / 2, atol=1e-4)
    assert len(both.each) == 2


def bundle_without_limits(tmp_path: Path, turned: int) -> Path:
    """The shipped one, which takes noise for a brain and its sequences turned so far."""
    folder = bundle_copy(tmp_path)
    path = folder / "configs" / "metadata.json"
    said = json.loads(path.read_text())
    image, found = (
        said["network_data_format"][end][name] for end, name in (("inputs", "image"), ("outputs", "pred"))
    )
    names = list(image["channel_def"].values())
    image["channel_def"] = dict(zip("0123", names[turned:] + names[:turned], strict=True))
    for limit in ("smallest_mm3", "smallest_core_mm3", "least_enhancing_share"):
        del found[limit]
    del said["correlations"]
    path.write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize("words", [["unet", "x"], ["nothing"], [], ["bundle"]])
def test_a_model_that_does_not_exist_is_told(part: Part, words: list[str]) -> None:
    with pytest.raises(part("job").Unusable, match="there is no model"):
        part("models").find_model(words)


def test_thresholds_of_otsu_lie_between_the_classes(part: Part) -> None:
    draw = np.random.default_rng(8)
    values = np.concatenate([draw.normal(at, 0.3, 4000) for at in (0, 5, 9)]).astype(np.float32)
    otsu = part("classical.otsu")
    low, high = otsu.three_classes(values)
    assert 1 < low < 4 and 6 < high < 8
    assert 1 < otsu.two_classes(values[:8000]) < 4
