"""Figures and pictures of measurements."""

from __future__ import annotations

import itertools
import statistics
from io import BytesIO
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from ror.errors import NotAllowed
from ror.results.plot import plotted
from ror.results.statistics import quartiles, summaries
from ror.results.table import Finished, MeasurementRow

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


def row(value: object, version: str = "1", unit: str = "mL", job: str = "j") -> MeasurementRow:
    return MeasurementRow(
        "lungs", "P-1", "", "1.1", "1.2", "CT", "", "mask", version, "volume", str(value), unit, "", None, job
    )


@given(NUMBERS)
def test_figures_are_those_of_the_numbers(numbers: list[float]) -> None:
    (told,) = summaries([row(number) for number in numbers], {})
    assert (told.n, told.texts, told.missing) == (len(numbers), 0, 0)
    assert (told.minimum, told.maximum) == (min(numbers), max(numbers))
    assert told.median == statistics.median(numbers)
    assert told.mean == pytest.approx(sum(numbers) / len(numbers), abs=1e-3)
    assert (told.sd is None) == (len(numbers) == 1)


def test_what_is_no_number_is_no_number() -> None:
    (told,) = summaries([row(value) for value in ("nan", "inf", "high", "", "1e400", 2)], {})
    assert (told.n, told.texts, told.mean) == (1, 5, 2)


def test_a_job_without_the_field_is_missing() -> None:
    finished = {Finished("lungs", "mask", "1"): frozenset({"a", "b", "c"})}
    (told,) = summaries([row(1, job="a"), row(2, job="a")], finished)
    assert (told.n, told.missing) == (2, 2)


@given(NUMBERS)
def test_quartiles_are_in_order_and_among_the_numbers(numbers: list[float]) -> None:
    inside = (min(numbers), *quartiles(numbers), max(numbers))
    assert all(low <= high or low == pytest.approx(high) for low, high in itertools.pairwise(inside))


@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_every_value_is_in_the_picture(versions: list[list[float]]) -> None:
    rows = [row(value, version=str(number)) for number, values in enumerate(versions) for value in values]
    picture = ElementTree.fromstring(plotted("lungs", "volume", rows).svg)
    circles = picture.findall(f".//{SVG}circle")
    assert len(circles) == len(rows)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    assert all(
        0 <= float(one.attrib["cx"]) <= width and 0 <= float(one.attrib["cy"]) <= height for one in circles
    )
    by_height = sorted(circles, key=lambda one: -float(one.attrib["cy"]))
    told = [float(str(one[0].text).split(": ")[1].removesuffix(" mL")) for one in by_height]
    places = [float(one.attrib["cy"]) for one in by_height]
    assert all(
        low <= high or y == next_y
        for low, high, y, next_y in zip(told, told[1:], places, places[1:], strict=False)
    )


def test_many_workflows_stand_in_rows_of_one_scale_no_wider_than_a_page() -> None:
    rows = [row(10.0 * number, version=f"1.{number}") for number in range(1, 19)]
    picture = ElementTree.fromstring(plotted("lungs", "volume", rows).svg)
    assert float(picture.attrib["width"]) <= 1200
    panels = picture.findall(f"{SVG}g")
    assert [len(panel.findall(f"{SVG}circle")) for panel in panels] == [6, 6, 6]
    ticks = {
        tuple((one.text, one.attrib["y"]) for one in panel.findall(f"{SVG}text") if "y" in one.attrib)[:4]
        for panel in panels
    }
    assert len(ticks) == 1
    shown = {one.text for one in picture.iter(f"{SVG}text")}
    assert {f"1.{number}" for number in range(1, 19)} <= shown


def test_names_are_text_and_long_ones_are_cut() -> None:
    strange = "<script>" + "x" * 60
    picture = plotted(strange, "volume", [row(1, version=strange)])
    assert "<script>" not in picture.svg + picture.html(summaries([row(1, version=strange)], {}))
    assert "&lt;script&gt;xxxxxxxxxxxxx…" in picture.svg


def test_one_axis_has_one_unit() -> None:
    with pytest.raises(NotAllowed, match="more than one unit: mL, L"):
        plotted("lungs", "volume", [row(1), row(0.001, version="2", unit="L")])


def test_the_picture_in_dots_has_its_lines_where_the_other_has_them() -> None:
    plot = plotted("lungs", "volume", [row(value, version="1.0 肝") for value in (10, 20, 30, 40, 90)])
    svg, png = ElementTree.fromstring(plot.svg), Image.open(BytesIO(plot.png)).convert("RGB")
    assert png.size == (2 * int(svg.attrib["width"]), 2 * int(svg.attrib["height"]))
    (box,) = (one for one in svg.iter(f"{SVG}rect") if "stroke" in one.attrib)
    left, top = float(box.attrib["x"]), float(box.attrib["y"])
    within = round(2 * left + 6), round(2 * (top + 0.25 * float(box.attrib["height"])))
    assert png.getpixel(within) == ImageColor.getrgb(box.attrib["fill"])
    assert sum(png.getpixel((round(2 * left), within[1]))) < 3 * 160  # its edge
    tick = next(svg.iter(f"{SVG}line"))
    beside = round(2 * float(tick.attrib["x1"])) + 20, round(2 * float(tick.attrib["y1"]))
    assert png.getpixel(beside)[0] < 245
    title, blank = png.crop((140, 20, 500, 60)), png.crop((0, 0, 40, 40))
    assert min(title.get_flattened_data())[0] < 120 and set(blank.get_flattened_data()) == {(255, 255, 255)}
    turned = png.crop((0, 300, 60, 600))
    assert min(turned.get_flattened_data())[0] < 120  # the unit, at the axis
