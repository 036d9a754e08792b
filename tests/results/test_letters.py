"""Words on pictures and pages: each letter is one that the font has, and what was spelled otherwise is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from ror.results import ResultJob, encode, read_outputs, validate
from ror.results.legend import legend
from ror.results.letters import FONT_FILE, FOOTNOTE, legible
from ror.results.pdf import page_of
from tests.results.samples import WORKFLOW, manifest

WANTED = '[outputs]\ncaptures = "key"\nreport = true\n[[outputs.masks]]'


def labelled(label: str):
    text = WORKFLOW.replace("[[outputs.masks]]", WANTED, 1).replace('label = "Spleen"', f'label = "{label}"')
    return manifest(text)


@pytest.mark.parametrize("text", ["Spleen", "Größe", "foie élargi", "µm ± 2", "Ła", ""])
def test_what_the_font_has_stays_as_it_is(text: str) -> None:
    assert legible(text, "meaning") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Śledziona", "Sledziona*"),
        ("Печень", "Pechen*"),
        ("Щитовидная железа", "Shhitovidnaja zheleza*"),
        ("Ήπαρ", "Ipar*"),
        ("ΣΠΛΗΝ", "SPLIN*"),
        ("Đường mật", "Duong mat*"),
        ("Ďalší", "Další*"),
    ],
)
def test_other_latin_cyrillic_and_greek_letters_are_spelled_and_marked(text: str, shown: str) -> None:
    assert legible(text, "meaning") == shown


@pytest.mark.parametrize("text", ["肝臓", "الكبد", "כבד", "ตับ", "ь"])
def test_a_name_that_cannot_be_spelled_is_told_by_the_meaning_of_its_code(text: str) -> None:
    assert legible(text, "Liver") == "Liver*"


def test_without_a_code_letters_are_given_by_their_number() -> None:
    assert legible("Series 肝a") == "Series U+809D a*"


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1), st.text(max_size=5))
def test_whatever_is_shown_has_a_glyph_for_each_letter(text: str, meaning: str) -> None:
    font = ImageFont.truetype(FONT_FILE, 11)
    shown = legible(text, meaning)
    assert shown and (shown.endswith("*") or shown == legible(shown))
    missing = font.getmask("\uffff")
    for letter in set(shown):
        glyph = font.getmask(letter)
        assert glyph.size != missing.size or bytes(glyph) != bytes(missing) or letter.isspace(), letter


def test_the_page_has_the_spelling_and_explains_its_mark(output: Path, job: ResultJob) -> None:
    outputs = read_outputs(output, labelled("Печень"), job)
    page = page_of(outputs, job, outputs.masks[0])
    assert ("Volume of the spleen", "14.25 mL", "Pechen*") in page.found
    assert page.limits[-1] == FOOTNOTE
    western = read_outputs(output, labelled("Milz"), job)
    assert FOOTNOTE not in page_of(western, job, western.masks[0]).limits


def test_pictures_have_the_spelling_and_objects_the_name_itself(output: Path, job: ResultJob) -> None:
    package, plain = labelled("脾臓"), labelled("Spleen")
    objects = encode(read_outputs(output, package, job), job)
    validate(objects, job)
    seg = next(one.dataset for one in objects if one.kind == "SEG")
    assert seg.SegmentSequence[0].SegmentLabel == "脾臓"
    spelled, written = (
        [one.dataset for one in some if one.kind == "SC"][-1]
        for some in (objects, encode(read_outputs(output, plain, job), job))
    )
    # The legend is longer by what explains the mark; above it, nothing differs.
    assert spelled.Rows > written.Rows
    height = 8 * 32
    assert np.array_equal(spelled.pixel_array[:height], written.pixel_array[:height])
    strip = legend([("Spleen*", (157, 108, 162))], "", spelled.Columns)
    assert np.array_equal(spelled.pixel_array[height : height + 14], strip[:14])
