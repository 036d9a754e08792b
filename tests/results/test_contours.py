"""Outlines: of any mask they enclose exactly its pixels, each on the side where it says."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ror.results.contours import largest, outlines

planes = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9))


@given(planes)
def test_areas_less_those_of_holes_are_the_pixels(plane: np.ndarray) -> None:
    areas = [-one.area_pixels if one.hole else one.area_pixels for one in outlines(plane)]
    assert sum(areas) == plane.sum()


@given(planes)
def test_every_outline_turns_at_each_of_its_points_and_stays_on_the_plane(plane: np.ndarray) -> None:
    for one in outlines(plane):
        steps = np.diff(np.vstack((one.points, one.points[:1])), axis=0)
        assert ((steps == 0).sum(axis=1) == 1).all()  # along a row or a column
        assert ((steps[:, 0] == 0) != (np.roll(steps[:, 0], 1) == 0)).all()  # in turn
        assert (one.points >= 0).all() and (one.points <= plane.shape[::-1]).all()


@given(planes)
def test_outlines_run_clockwise_around_pixels_and_anticlockwise_around_holes(plane: np.ndarray) -> None:
    for one in outlines(plane):
        x, y = one.points.T
        signed = float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
        assert (signed < 0) == one.hole


@given(planes, st.integers(0, 8))
def test_a_pixel_lies_in_an_odd_number_of_outlines_if_it_is_marked(plane: np.ndarray, row: int) -> None:
    row %= plane.shape[0]
    crossed = np.zeros(plane.shape[1], int)
    for one in outlines(plane):
        for (x0, y0), (x1, y1) in zip(one.points, np.roll(one.points, -1, axis=0), strict=True):
            if x0 == x1 and min(y0, y1) <= row < max(y0, y1):
                crossed[int(x0) :] += 1
    assert ((crossed % 2 == 1) == plane[row]).all()


def test_pixels_that_touch_at_a_corner_are_apart() -> None:
    assert [one.area_pixels for one in outlines(np.array([[1, 0], [0, 1]], bool))] == [1, 1]
    assert [one.area_pixels for one in outlines(np.array([[0, 1], [1, 0]], bool))] == [1, 1]


def test_the_largest_outline_has_no_hole_taken_off() -> None:
    plane = np.zeros((9, 9), bool)
    plane[1:6, 1:6] = True
    plane[3, 3] = False
    plane[8, 8] = True
    found = largest(plane)
    assert found is not None and found.area_pixels == 25
    assert found.points.tolist() == [[1, 1], [6, 1], [6, 6], [1, 6]]


def test_nothing_marked_has_no_outline() -> None:
    assert outlines(np.zeros((3, 3), bool)) == [] and largest(np.zeros((3, 3), bool)) is None
