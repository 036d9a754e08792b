"""How alike the results of two versions are: Dice by segment, differences by measurement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import MaskOutput
from ror.results import LabelMap, fields, segments
from ror.results.agreement import Agreement, agreement_between
from ror.results.compared import Compared, Difference, FieldAgreement, SegmentAgreement
from ror.results.labels import BadMask


def a_pair(number: int, in_both: int = 0, difference: float | None = None) -> Compared:
    """Of a patient: a segment of 10 voxels in either, of which some are in both, and a volume that differs."""
    agreement = Agreement("lungs", 1, "Left lung", 10, 10, in_both)
    differences = () if difference is None else (Difference("volume", "mL", difference),)
    return Compared(f"P{number}", f"2.25.{number}", (agreement,), differences)


def test_the_median_and_the_worst_study_of_a_segment_are_told() -> None:
    pairs = [a_pair(1, 10), a_pair(2, 4), a_pair(3, 9)]
    assert segments(pairs) == [SegmentAgreement("lungs", "Left lung", 3, 0.9, 0.4, "P2", "2.25.2")]


def test_what_both_have_not_found_is_agreement() -> None:
    nothing = Compared("P1", "2.25.1", (Agreement("lungs", 1, "Left lung", 0, 0, 0),), ())
    (told,) = segments([nothing])
    assert told.worst_dice == 1.0


def test_differences_are_told_with_their_mean_and_limits_of_agreement() -> None:
    (told,) = fields([a_pair(n, difference=value) for n, value in enumerate((1.0, 2.0, 3.0))])
    assert told == FieldAgreement("volume", "mL", 3, 2.0, pytest.approx(0.04), pytest.approx(3.96))


def test_a_single_difference_has_no_limits() -> None:
    assert fields([a_pair(1, difference=5.0)]) == [FieldAgreement("volume", "mL", 1, 5.0, None, None)]


def test_nothing_to_compare_is_told_as_nothing() -> None:
    assert segments([]) == []
    assert fields([a_pair(1)]) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_mean_lies_in_the_middle_of_its_limits(values: list[float]) -> None:
    (told,) = fields([a_pair(n, difference=value) for n, value in enumerate(values)])
    assert told.lower is not None
    assert told.upper is not None
    assert told.lower <= told.mean <= told.upper
    assert math.isclose((told.lower + told.upper) / 2, told.mean, abs_tol=1e-6)


# -- masks ------------------------------------------------------------------------------------------------------------

CODE = {"value": "85756007", "scheme": "SCT", "meaning": "Tissue"}


def a_mask(labels: list[list[list[int]]], on: str = "CT", **values: int) -> LabelMap:
    """A mask whose segments have these labels and values."""
    told = [{"value": value, "label": name, "category": CODE, "type": CODE} for name, value in values.items()]
    announced = MaskOutput.model_validate({"name": "parts", "on": on, "segments": told})
    return LabelMap.of(announced, np.array(labels, np.uint8))


def test_segments_are_compared_by_their_label_whatever_value_a_version_gives_them() -> None:
    mine = a_mask([[[1, 1, 2, 0]]], Lung=1, Node=2)
    theirs = a_mask([[[2, 2, 2, 1]]], Lung=2, Airway=1)
    (lung,) = agreement_between(mine, theirs)
    assert (lung.label, lung.voxels, lung.reference_voxels, lung.in_both) == ("Lung", 2, 3, 2)
    assert lung.dice == pytest.approx(0.8)


@pytest.mark.parametrize(
    "theirs", [a_mask([[[1, 0]]], Lung=1), a_mask([[[1, 0, 0]]], "MR", Lung=1)], ids=["shape", "series"]
)
def test_masks_of_different_grids_are_told(theirs: LabelMap) -> None:
    with pytest.raises(BadMask, match="parts lies on another grid"):
        agreement_between(a_mask([[[1, 0, 0]]], Lung=1), theirs)
