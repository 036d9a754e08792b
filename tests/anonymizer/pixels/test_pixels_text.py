"""The search for text finds what a screen says of a patient; without its package it says what to install."""

from importlib.util import find_spec

import numpy as np
import pytest
from drawn import BANNER, NAME, ROWS, drawn, instance, part10, read, scribbled, stack, ultrasound
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from skimage.measure import label, regionprops

from anonymizer import BurnedInText, ProfileError, pixels
from anonymizer.pixels import ocr
from anonymizer.pixels.areas import covered

RULES = pixels.Rules.shipped()
installed = pytest.mark.skipif(
    find_spec("rapidocr_onnxruntime") is None,
    reason="what finds text in pixels is not installed (make ocr)",
)


@pytest.mark.ocr
@installed
def test_of_a_hundred_lines_of_identity_ninety_nine_are_masked() -> None:
    lines, hidden = 0, 0
    for seed in range(40):
        image, boxes = scribbled(seed)
        mask = covered(pixels.text_found(image), image.shape[:2])
        lines += len(boxes)
        hidden += sum(mask[top:bottom, left:right].mean() >= 0.9 for left, top, right, bottom in boxes)
    assert lines > 100
    assert hidden / lines >= 0.99


@pytest.mark.ocr
@installed
def test_a_name_in_one_frame_is_masked_in_all_without_any_rule() -> None:
    before = drawn(3)
    before[0, :BANNER] = before[2, :BANNER] = 0
    capture = ultrasound(before, SOPClassUID=SecondaryCaptureImageStorage, Modality="OT")
    out, masking = pixels.masked(instance(part10(capture)), RULES, pixels.text_found)
    assert masking is not None and masking.by == ("text found",) and 0 < masking.share < 0.5
    assert not stack(read(out))[:, 2:16, 4:100].any()


def test_a_capture_in_which_nothing_is_found_passes_and_one_that_declares_text_does_not() -> None:
    empty = ultrasound(drawn(), SOPClassUID=SecondaryCaptureImageStorage, Modality="OT")
    out, masking = pixels.masked(instance(part10(empty)), RULES, lambda image: ())
    assert masking == pixels.Masking((), 0.0)
    after = read(out)
    assert (after.BurnedInAnnotation, list(after.ImageType)) == ("NO", ["ORIGINAL", "PRIMARY"])
    assert np.array_equal(stack(after), drawn())
    empty.BurnedInAnnotation = "YES"
    with pytest.raises(BurnedInText) as caught:
        pixels.masked(instance(part10(empty)), RULES, lambda image: ())
    assert caught.value.reason == "text_not_found"


def test_what_is_found_is_masked_beside_what_rules_know() -> None:
    found = pixels.Rectangle(10, 60, 40, 70)
    out, masking = pixels.masked(instance(part10(ultrasound(drawn()))), RULES, lambda image: [found])
    assert masking is not None and masking.by == ("regions", "text found")
    after = stack(read(out))
    assert not after[:, :BANNER].any() and not after[:, 60:70, 10:40].any()
    assert np.array_equal(after[:, 70:], drawn()[:, 70:])


def test_a_palette_shows_the_same_colours_in_either_order_of_bytes() -> None:
    seen: list[NDArray[np.uint8]] = []

    def look(image: NDArray[np.uint8]) -> list[pixels.Rectangle]:
        seen.append(image)
        return []

    table = (np.arange(256) * 257).astype(np.uint16)
    for syntax, order in ((ExplicitVRLittleEndian, "<"), (ExplicitVRBigEndian, ">")):
        coloured = ultrasound(drawn(), PhotometricInterpretation="PALETTE COLOR")
        for colour, values in (("Red", table), ("Green", table[::-1]), ("Blue", table // 2)):
            setattr(coloured, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
            setattr(coloured, f"{colour}PaletteColorLookupTableData", values.astype(f"{order}u2").tobytes())
        pixels.masked(instance(part10(coloured, syntax)), RULES, look)
    assert np.array_equal(seen[0], seen[1]) and (seen[0][..., 0] != seen[0][..., 1]).any()


def test_a_frame_that_comes_again_is_looked_at_once_and_is_bright_enough_to_see() -> None:
    seen: list[NDArray[np.uint8]] = []

    def look(image: NDArray[np.uint8]) -> list[pixels.Rectangle]:
        seen.append(image)
        return []

    faint = np.repeat(drawn(1).astype(np.uint16), 3, axis=0) + 1000
    pixels.masked(instance(part10(ultrasound(faint))), RULES, look)
    assert [image.shape for image in seen] == [(ROWS, 128, 3)]
    assert (seen[0].min(), seen[0].max(), seen[0].dtype) == (0, 255, np.uint8)


def test_without_its_package_the_search_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "find_spec", lambda _name: None)
    monkeypatch.setattr(ocr, "_session", ocr._session.__wrapped__)  # which an earlier test may have opened
    with pytest.raises(ProfileError) as caught:
        pixels.text_found(drawn(colour=True)[0])
    assert caught.value.reason == "no_text_search" and "ror-pacs[ocr]" in caught.value.advice


@settings(max_examples=150, deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)), fill=st.booleans()))
def test_connected_pixels_are_found_as_a_known_library_finds_them(probable: NDArray[np.bool_]) -> None:
    expected = sorted(
        (left, top, right, bottom)
        for top, left, bottom, right in (
            one.bbox
            for one in regionprops(label(probable, connectivity=2))
            if one.area >= ocr.SMALLEST_PIXELS
        )
    )
    assert sorted(ocr.blobs(probable.astype(np.float32))) == expected


def test_the_name_in_these_tests_is_drawn() -> None:
    assert NAME and drawn()[0, :BANNER].any()
