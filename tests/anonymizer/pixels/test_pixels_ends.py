"""A line of text that was found in part is followed to its ends, and one that has none is refused."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import pytest
from drawn import instance, part10, scribbled, ultrasound
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymizer import BurnedInText, pixels
from anonymizer.pixels import ocr
from anonymizer.pixels.areas import Rectangle, covered
from anonymizer.pixels.ends import followed

SIDE = 200
installed = pytest.mark.skipif(
    find_spec("rapidocr_onnxruntime") is None,
    reason="what finds text in pixels is not installed (make ocr)",
)


def a_line(left: int, right: int) -> NDArray[np.uint8]:
    """A bright bar for a line of text, ten pixels high."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[50:60, left:right] = 255
    return image


def bright(part: NDArray[np.uint8], scale: float) -> Iterator[Rectangle]:
    """What is bright in a part of the image; nothing is missed."""
    assert scale == 6.0
    rows, columns = np.nonzero(part[..., 0] == 255)
    if rows.size:
        yield Rectangle(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def test_the_rest_of_a_line_is_found_from_a_part_of_it() -> None:
    found = followed(a_line(20, 80), [Rectangle(40, 50, 60, 60)], bright)
    assert covered(found, (SIDE, SIDE))[50:60, 20:80].all()


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(BurnedInText) as caught:
        followed(a_line(0, SIDE), [Rectangle(0, 50, 10, 60)], bright)
    assert caught.value.reason == "text_left" and caught.value.advice


def test_what_has_no_surroundings_is_looked_at_no_further() -> None:
    looks: list[float] = []

    def look(part: NDArray[np.uint8], scale: float) -> list[Rectangle]:
        looks.append(scale)
        return []

    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert followed(image, [], look) == () and looks == []
    same = [Rectangle(20, 50, 80, 60), Rectangle(21, 51, 79, 60)]
    assert followed(image, same, look) == tuple(same) and len(looks) == 1


def test_an_image_whose_text_has_no_end_comes_out_nowhere() -> None:
    def look(image: NDArray[np.uint8]) -> tuple[Rectangle, ...]:
        return followed(a_line(0, SIDE), [Rectangle(0, 50, 10, 60)], bright)

    capture = ultrasound(a_line(0, SIDE)[None, ..., 0])
    with pytest.raises(BurnedInText) as caught:
        pixels.masked(instance(part10(capture)), pixels.Rules.shipped(), look)
    assert caught.value.reason == "text_left"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-20, 220), st.integers(-20, 220), st.integers(1, 90), st.integers(1, 60)),
        max_size=4,
    )
)
def test_nothing_that_was_found_is_lost_wherever_it_lies(boxes: list[tuple[int, int, int, int]]) -> None:
    found = [Rectangle(left, top, left + width, top + height) for left, top, width, height in boxes]
    assert followed(a_line(0, SIDE), found, lambda part, scale: ()) == tuple(found)


@pytest.mark.ocr
@installed
@pytest.mark.parametrize("seed", [37, 52])
def test_the_end_of_a_line_over_a_background_of_its_brightness_is_masked(seed: int) -> None:
    image, boxes = scribbled(seed)
    first = covered((*ocr._found(image, 960 / min(image.shape[:2])),), image.shape[:2])
    mask = covered(pixels.text_found(image), image.shape[:2])
    assert any(first[top:bottom, left:right].mean() < 0.9 for left, top, right, bottom in boxes)
    assert all(mask[top:bottom, left:right].mean() >= 0.9 for left, top, right, bottom in boxes)
