"""Brain cases to train on: the same every time, true to their truth, and no two alike."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from examples.data import (
    ANATOMIES,
    Anatomy,
    BrainCase,
    ImageUnavailable,
    ImageUnsuitable,
    Volume,
    make_case,
    of_t1,
    scanner,
    write_case,
)
from examples.data.deformation import pushed
from examples.data.raw_brain import Grid, make_raw_brain_mr
from ror.archive import geometry

SHAPE = (72, 80, 72)


def ball(name: str = "ball") -> Anatomy:
    """White inside grey inside fluid."""
    middle = (np.array(SHAPE) - 1) / 2
    radius = np.sqrt(((np.moveaxis(np.indices(SHAPE), 0, -1) - middle) ** 2).sum(-1))
    shares = np.stack([radius < 20, (radius >= 20) & (radius < 27), (radius >= 27) & (radius < 30)])
    return Anatomy(name, shares.astype(np.float32))


@pytest.fixture(scope="module")
def many() -> list[BrainCase]:
    return [make_case(ball(), seed) for seed in range(16)]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_case_has_four_sequences_and_a_truth_on_one_grid(seed: int) -> None:
    case = make_case(ball(), seed)
    assert set(case.sequences) == {"T1w", "T2w", "FLAIR", "T1wCE"}
    for volume in case.sequences.values():
        assert volume.shape == case.labels.shape
        assert np.isfinite(volume).all() and (volume >= 0).all() and (volume > 0).any()
    assert set(np.unique(case.labels)) <= {0, 1, 2, 3}
    brain = np.logical_or.reduce([volume > 0 for volume in case.sequences.values()])
    assert not case.labels[~brain].any()


def test_the_same_seed_gives_the_same_case_and_another_another() -> None:
    one, again, other = make_case(ball(), 3), make_case(ball(), 3), make_case(ball(), 4)
    np.testing.assert_array_equal(one.labels, again.labels)
    for name, volume in one.sequences.items():
        np.testing.assert_array_equal(volume, again.sequences[name])
    assert one.labels.shape != other.labels.shape or (one.labels != other.labels).any()


def test_the_same_seed_on_another_anatomy_is_another_case() -> None:
    one, other = make_case(ball("one"), 3), make_case(ball("other"), 3)
    assert one.labels.shape != other.labels.shape or (one.labels != other.labels).any()


def test_of_many_cases_some_have_no_tumour_and_some_no_rim(many: list[BrainCase]) -> None:
    present = [frozenset(np.unique(case.labels)) for case in many]
    assert frozenset({0}) in present
    assert any(3 not in labels and 2 in labels for labels in present)
    assert frozenset({0, 1, 2, 3}) in present


def test_a_mass_pushes_the_anatomy_outwards_and_leaves_what_is_far() -> None:
    at = np.indices((60, 60, 60), np.float32)
    before = at.copy()
    pushed(at, (30, 30, 30), 6.0, 3.0)
    # A voxel beside the mass shows what lay nearer to its middle.
    assert at[0, 38, 30, 30] < before[0, 38, 30, 30] - 1
    assert at[0, 22, 30, 30] > before[0, 22, 30, 30] + 1
    np.testing.assert_allclose(at[:, 0, 0, 0], before[:, 0, 0, 0], atol=1e-3)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("thick", [1, 2, 3, 4, 5])
def test_slices_of_any_thickness_show_things_where_they_are(
    thick: int, reference: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = {"_THICK_MM": (thick,), "_THICK_CHANCES": (1.0,), "_NOISE": (0.0, 0.0), "_BIAS": (0.0, 0.0)}
    for name, value in faults.items():
        monkeypatch.setattr(scanner, name, value)
    at = np.indices((41, 41, 41)) - 20.0
    spot = np.exp(-(at**2).sum(0) / (2 * 4.0**2)).astype(np.float32)
    for seed in range(12):
        seen = scanner.acquired(spot, np.random.default_rng(seed), reference=reference)
        middle_mm = (at * seen).sum((1, 2, 3)) / seen.sum()
        np.testing.assert_allclose(middle_mm, 0, atol=0.1)


def test_cases_are_written_as_brats_names_them(many: list[BrainCase], tmp_path: Path) -> None:
    case = next(case for case in many if (case.labels == 3).any())
    write_case(tmp_path / "case", case)
    assert {path.name for path in (tmp_path / "case").iterdir()} == {
        f"case_{end}.nii.gz" for end in ("t1", "t1ce", "t2", "flair", "seg")
    }
    written = np.asarray(nib.load(tmp_path / "case" / "case_seg.nii.gz").dataobj)
    np.testing.assert_array_equal(written == 4, case.labels == 3)
    np.testing.assert_array_equal(written == 2, case.labels == 2)


@pytest.mark.parametrize("name", sorted(ANATOMIES))
def test_the_shares_of_an_anatomy_add_up_to_a_head(name: str) -> None:
    try:
        anatomy = ANATOMIES[name]()
    except ImageUnavailable as reason:
        pytest.skip(str(reason))
    total = anatomy.shares.sum(0)
    assert anatomy.shares.min() >= -1e-6 and total.max() <= 1 + 1e-5
    assert 1_000_000 < total.sum() < 2_000_000, "cubes of 1 mm, so this is mm³"


def test_tissues_are_found_again_in_a_shaded_t1() -> None:
    anatomy = ball()
    shading = np.linspace(0.88, 1.12, SHAPE[0])[:, None, None]
    t1 = (np.tensordot([0.9, 0.6, 0.2], anatomy.shares, 1) * shading * 1000).astype(np.float32)
    found = of_t1("made", Volume(t1, np.eye(4)), Volume(anatomy.shares.sum(0) > 0, np.eye(4)))
    assert found.shares[0].sum() == pytest.approx(anatomy.shares[0].sum(), rel=0.15)
    assert found.shares[2].sum() == pytest.approx(anatomy.shares[2].sum(), rel=0.25)


def test_a_mask_of_another_shape_is_refused() -> None:
    t1 = Volume(np.ones((8, 8, 8), np.float32), np.eye(4))
    with pytest.raises(ImageUnsuitable, match="grid of the T1w"):
        of_t1("made", t1, Volume(np.ones((8, 8, 9), bool), np.eye(4)))


def test_the_series_of_a_raw_study_have_grids_of_their_own_and_the_truth_lies_on_t1wce(
    tmp_path: Path,
) -> None:
    grids = {
        "T1w": Grid("LPS", (24, 26, 8), (4.0, 4.0, 10.0), 8.0),
        "T2w": Grid("LPS", (24, 26, 9), (4.0, 4.0, 9.0)),
        "FLAIR": Grid("PIR", (26, 24, 9), (4.0, 4.0, 9.0), -3.0),
        "T1wCE": Grid("PIR", (26, 24, 22), (4.0, 4.0, 4.0)),
    }
    study = make_raw_brain_mr(tmp_path, ball(), 5, grids)
    affines = {}
    for name, files in study.series.items():
        stack = geometry.stack([dcmread(path, stop_before_pixels=True) for path in files])
        affines[name] = np.array(stack.affine_ras)
        assert np.asarray(stack.spacing_mm)[0] == pytest.approx(grids[name].spacing_mm[2])
    truth = nib.load(study.truth)
    np.testing.assert_allclose(truth.affine, grids["T1wCE"].affine())
    np.testing.assert_allclose(np.abs(affines["T1wCE"][:3, :3]).max(0), np.abs(truth.affine[:3, :3]).max(0))
    frames = {str(dcmread(files[0]).FrameOfReferenceUID) for files in study.series.values()}
    assert len(frames) == 1
