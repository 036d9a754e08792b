"""Pictures: what is white and what is black, in which size and format."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from tests.web.conftest import Web
from tests.web.images import SERIES, STUDY, image, ramp, shelve

STEPS = np.array([[[0, 100], [200, 300]]], np.uint16)


def picture(web: Web, path: str, accept: str = "image/png", **query: str) -> NDArray[np.uint8]:
    answered = web.get(path, accept, **query)
    assert (answered.status_code, answered.headers["Content-Type"]) == (200, accept), answered.text
    return np.asarray(Image.open(BytesIO(answered.content)))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_without_a_window_the_least_is_black_and_the_most_white(web: Web, syntax: str) -> None:
    shown = picture(web, f"{shelve(web, image(STEPS), syntax)}/rendered")
    assert shown.tolist() == [[0, 85], [170, 255]]


def test_the_objects_own_window_counts_and_the_one_that_is_asked_for_more(web: Web) -> None:
    path = shelve(web, image(STEPS, WindowCenter=["150.5", "1"], WindowWidth=["101", "1"]))
    assert picture(web, f"{path}/rendered").tolist() == [[0, 0], [255, 255]]
    assert picture(web, f"{path}/rendered", window="100.5,201,linear").tolist() == [[0, 128], [255, 255]]


def test_rescaled_values_are_windowed(web: Web) -> None:
    path = shelve(
        web, image(STEPS, RescaleSlope="1", RescaleIntercept="-100", WindowCenter="0.5", WindowWidth="2")
    )
    assert picture(web, f"{path}/rendered").tolist() == [[0, 128], [255, 255]]


def test_monochrome1_is_turned_over(web: Web) -> None:
    path = shelve(web, image(STEPS, PhotometricInterpretation="MONOCHROME1"))
    assert picture(web, f"{path}/rendered").tolist() == [[255, 170], [85, 0]]


def test_a_frame_of_an_enhanced_image_has_a_window_of_its_own(web: Web) -> None:
    dataset = image(np.concatenate([STEPS, STEPS]))
    dataset.PerFrameFunctionalGroupsSequence = []
    for centre in (50.5, 250.5):
        voi, groups = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = centre, 2
        groups.FrameVOILUTSequence = [voi]
        dataset.PerFrameFunctionalGroupsSequence.append(groups)
    path = shelve(web, dataset)
    assert picture(web, f"{path}/frames/1/rendered").tolist() == [[0, 255], [255, 255]]
    assert picture(web, f"{path}/frames/2/rendered").tolist() == [[0, 0], [0, 255]]


def test_colours_are_shown(web: Web) -> None:
    pixels = np.array([[[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]]], np.uint8)
    assert np.array_equal(picture(web, f"{shelve(web, image(pixels, colours=True))}/rendered"), pixels[0])


def test_a_mask_of_single_bits_is_black_and_white(web: Web) -> None:
    pixels = np.array([[[0, 1, 1], [1, 0, 0]]], np.uint8)
    assert (
        picture(web, f"{shelve(web, image(pixels, bits=1))}/rendered").tolist() == (pixels[0] * 255).tolist()
    )


def test_the_fields_client_gets_a_picture(web: Web) -> None:
    instance = shelve(web, image(ramp(frames=1, rows=32, columns=32))).rpartition("/")[2]
    data = web.client(web.read).retrieve_instance_rendered(
        STUDY, SERIES, instance, media_types=("image/jpeg",)
    )
    assert Image.open(BytesIO(data)).size == (32, 32)


def test_a_picture_fits_in_its_viewport(web: Web) -> None:
    path = shelve(web, image(ramp(rows=32, columns=64)))
    assert picture(web, f"{path}/rendered", viewport="32,32").shape == (16, 32)
    assert picture(web, f"{path}/thumbnail").shape == (64, 128)
    assert picture(web, f"/studies/{STUDY}/thumbnail", viewport="16,16", accept="image/jpeg").shape == (8, 16)


def test_a_thumbnail_of_a_series_is_of_an_image_in_it(web: Web) -> None:
    report = image(ramp())
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(report, keyword)
    path = shelve(web, report)
    assert web.get(f"{path}/thumbnail", "image/png").status_code == 406
    assert web.get(f"{path}/rendered", "image/png").status_code == 406
    shelve(web, image(ramp()))
    assert picture(web, f"/studies/{STUDY}/series/{SERIES}/thumbnail").shape == (85, 128)


@pytest.mark.parametrize(
    "query",
    [
        {"window": "1"},
        {"window": "1,0"},
        {"window": "x,y"},
        {"window": "nan,1"},
        {"window": "1,2,sigmoid"},
        {"viewport": "0,5"},
        {"viewport": "100000,5"},
        {"viewport": "5"},
        {"quality": "101"},
    ],
)
def test_a_view_that_is_none_is_told(web: Web, query: dict[str, str]) -> None:
    answered = web.get(f"{shelve(web, image(ramp()))}/rendered", "image/png", **query)
    assert (answered.status_code, next(iter(query)) in answered.text) == (400, True)


def test_pictures_are_jpeg_unless_asked_otherwise(web: Web) -> None:
    path = f"{shelve(web, image(ramp()))}/rendered"
    assert web.get(path).headers["Content-Type"] == "image/jpeg"
    assert web.get(path, accept="text/html", **{}).status_code == 406
    assert web.get(f"{path}?accept=image/png", "text/html").headers["Content-Type"] == "image/png"
