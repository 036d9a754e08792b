"""Profiles as files: what they extend, every fault at once, and there and back without a loss."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer import (
    Changes,
    Line,
    Option,
    PrivateLine,
    Profile,
    ProfileError,
    Treatment,
    differences,
    extended,
    load_profile,
    read_profile,
    rules_of,
    shipped_profiles,
    standard_of,
    write_profile,
)
from anonymizer.table import keyword, rows
from anonymizer.vocabulary import DEVICE_TAGS, IDENTIFIER_TAGS

README = Path(__file__).parent.parent.parent / "anonymizer" / "README.md"
BASIC = Profile(options=frozenset(), cleaned=frozenset())
DATES = {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}
OPTIONS = st.frozensets(st.sampled_from(list(Option))).filter(lambda chosen: not chosen >= DATES)
RULES = '[[device]]\nname = "U"\nsource = "seen"\nwhen = { Modality = "US" }\nmask = [[0, 0, 9, 9]]\n'
LINES = st.frozensets(
    st.builds(
        Line,
        st.sampled_from([row.number for row in rows() if row.number] + [0x00080070, 0x00181020]),
        st.sampled_from(Treatment),
    ),
    max_size=4,
)
CREATORS = st.text(st.sampled_from(printable.strip().replace("\\", "") + " é\x7f"), min_size=1, max_size=20)
PRIVATE = st.frozensets(
    st.builds(
        PrivateLine,
        CREATORS,
        st.sampled_from([0x0019, 0x2001]),
        st.integers(0, 255),
        st.sampled_from(["IS", "CS"]),
    ),
    max_size=2,
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any profile that can be: of lines only those that go with the options."""
    options = draw(OPTIONS)
    in_pixels = Option.CLEAN_PIXEL_DATA in options
    lines = {}
    for line in draw(LINES):
        try:
            Profile(options, frozenset(), lines=frozenset({line}))
        except ProfileError:
            continue
        lines[line.tag] = line
    return Profile(
        options,
        draw(st.frozensets(st.sampled_from(["SequenceName", "AcquisitionComments"]))),
        draw(st.frozensets(st.sampled_from(["KVP", "Rows"]))),
        draw(st.frozensets(st.sampled_from(["ConvolutionKernel"]))),
        draw(st.sampled_from(["", RULES])) if in_pixels else "",
        draw(st.booleans()) if in_pixels else False,
        draw(st.booleans()),
        frozenset(line for line in lines.values() if line.tag not in (0x00180024, 0x00184000)),
        frozenset(draw(PRIVATE)) if Option.RETAIN_SAFE_PRIVATE in options else frozenset(),
    )


# -- there and back ---------------------------------------------------------------------------------------------------


@given(
    profile=profiles().filter(lambda one: all(line.creator.strip() for line in one.private)),
    name=st.text(max_size=9),
)
def test_a_profile_that_is_written_and_read_again_is_the_same(profile: Profile, name: str) -> None:
    read = read_profile(write_profile(profile, name))
    assert (read.profile, read.profile.digest) == (profile, profile.digest)
    assert read.name == name


@settings(max_examples=15)
@given(profile=profiles())
def test_a_profile_does_not_differ_from_itself(profile: Profile) -> None:
    assert differences(profile, profile) == ()


@settings(max_examples=30)
@given(options=OPTIONS)
def test_the_basic_profile_with_options_is_the_standards_own(options: frozenset[Option]) -> None:
    words = ", ".join(f'"{option}"' for option in sorted(options))
    profile = read_profile(f'extends = "basic"\noptions = [{words}]').profile
    assert profile.options == options
    assert differences(profile, standard_of(profile)) == ()


@settings(max_examples=15)
@given(one=profiles(), other=profiles())
def test_what_differs_is_told_from_both_sides(one: Profile, other: Profile) -> None:
    forth = {(each.tag, each.name): (each.one, each.other) for each in differences(one, other)}
    back = {(each.tag, each.name): (each.other, each.one) for each in differences(other, one)}
    assert forth == back
    assert all(ours != theirs for ours, theirs in forth.values())


# -- shipped ----------------------------------------------------------------------------------------------------------


def test_research_is_what_is_done_without_a_profile() -> None:
    assert load_profile("research").profile == Profile.of()
    assert load_profile("basic").profile == BASIC


@pytest.mark.parametrize("one", shipped_profiles(), ids=lambda one: one.name)
def test_a_shipped_profile_says_what_it_is_for(one: object) -> None:
    named = load_profile(one.name)  # type: ignore[attr-defined]
    assert named == one
    assert len(named.description) > 40
    assert len(rules_of(named.profile)) >= 657


def test_the_strictest_keeps_no_more_than_any_other() -> None:
    strictest = {one.tag: one.action for one in rules_of(load_profile("public").profile)}
    kept = {tag for tag, action in strictest.items() if action.startswith(("keep", "shift", "clean"))}
    for named in shipped_profiles():
        others = {one.tag: one.action for one in rules_of(named.profile)}
        assert all(others[tag].startswith(("keep", "clean", "treat")) for tag in kept)


def test_a_difference_names_attribute_standard_and_both_sides() -> None:
    (one,) = [
        each
        for each in differences(load_profile("research").profile, BASIC)
        if each.name == "SeriesDescription"
    ]
    assert (one.tag, one.standard, one.one, one.other) == ("(0008,103E)", "X", "clean, else remove", "remove")


# -- extending --------------------------------------------------------------------------------------------------------


def test_a_file_extends_another_beside_it_and_its_lines_win(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "ours.toml").write_text(
        'extends = "research"\nkeep = ["InstitutionName"]\noptions = ["retain-device"]\n'
        '[attributes]\n"0008,1010" = "keep"'
    )
    child = tmp_path / "below" / "lungs.toml"
    child.write_text(
        'extends = "../ours.toml"\nwithout = ["retain-device"]\nremove = ["StationName"]\nclean = ["ImageComments"]\n'
        '[attributes]\nInstitutionName = "empty"\nStudyDescription = "remove"'
    )
    named = load_profile(child)
    profile = named.profile
    assert named.name == "lungs"
    assert profile.options == {Option.RETAIN_MODIFIED_DATES}
    assert profile.keep == frozenset()
    assert profile.remove == {"StationName"}
    assert profile.lines == {Line(0x00080080, Treatment.EMPTY), Line(0x00081030, Treatment.REMOVE)}
    assert profile.cleaned == {"ImageComments", "ProtocolName", "SequenceName", "SeriesDescription"}


def test_one_option_of_dates_takes_the_place_of_the_other() -> None:
    full = extended(Profile.of(), Changes(options=frozenset({Option.RETAIN_FULL_DATES})))
    assert full == Profile.of(options=["retain-full-dates"])
    assert load_profile("longitudinal-full-dates").profile == full


def test_rules_for_pixels_are_read_from_beside_the_file_and_go_with_their_option(tmp_path: Path) -> None:
    (tmp_path / "us.toml").write_text(RULES)
    parent = tmp_path / "parent.toml"
    parent.write_text('options = ["clean-pixel-data"]\nfind_text = true\npixel_rules = "us.toml"')
    profile = load_profile(parent).profile
    assert (profile.pixel_rules, profile.find_text) == (RULES, True)
    child = tmp_path / "child.toml"
    child.write_text('extends = "parent.toml"\npixel_rules = "us.toml"')
    assert load_profile(child).profile.pixel_rules.count("[[device]]") == 2
    child.write_text('extends = "parent.toml"\nwithout = ["clean-pixel-data"]')
    assert load_profile(child).profile == BASIC
    (tmp_path / "us.toml").write_text("[[device]]\nname = 1")
    with pytest.raises(ProfileError, match="pixel_rules: The rules for pixels"):
        load_profile(parent)


def test_a_circle_is_told_with_its_way(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "b.toml"')
    (tmp_path / "b.toml").write_text('extends = "./a.toml"')
    with pytest.raises(ProfileError, match=r"a\.toml extends b\.toml extends a\.toml"):
        load_profile(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("where", "told"),
    [("reserch", "Do you mean research"), ("nowhere.toml", "no file"), (".", "IsADirectoryError")],
)
def test_a_profile_that_is_not_there_is_told(where: str, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        load_profile(where)
    with pytest.raises(ProfileError, match="extends: "):
        read_profile(f'extends = "{where}"')


def test_the_file_in_the_readme_says_what_it_says() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    profile = read_profile(text).profile
    assert profile.options >= {Option.RETAIN_MODIFIED_DATES, Option.RETAIN_DEVICE}
    assert (len(profile.lines), len(profile.private), profile.weekdays) == (3, 2, False)


# -- faults -----------------------------------------------------------------------------------------------------------


def test_every_fault_is_told_at_once_with_its_place_and_what_to_do() -> None:
    with pytest.raises(ProfileError) as refused:
        read_profile(
            """
            nam = "lungs"
            weekdays = 1
            options = ["retain-devices"]
            without = ["retain-uids"]
            keep = ["PatientName", 7]
            clean = ["Rows"]
            [attributes]
            InstitutionNam = "keep"
            InstitutionName = "kept"
            StationName = ["keep"]
            ContentDate = "keep"
            "60xx,3000" = "keep"
            "0008,0020" = "remove"
            "0019,xx0C,SIEMENS MR HEADER" = "keep"
            "0019,xx0D,SIEMENS MR HEADER" = { keep = "OB" }
            """
        )
    told = str(refused.value)
    for line in (
        "nam: unknown. Do you mean name?",
        "weekdays: true or false is needed",
        "options: 'retain-devices' is no option of PS3.15. Do you mean retain-device?",
        "without: retain-uids is not on in what the profile extends",
        "keep: PatientName identifies the patient",
        "keep: a list of texts is needed",
        "clean: Rows is no descriptor text",
        'attributes."InstitutionNam": no attribute. Do you mean InstitutionName?',
        "attributes.\"InstitutionName\": 'kept' is nothing that can be done. Do you mean keep?",
        'attributes."StationName": a word is needed',
        'attributes."ContentDate": the date would stay as it was',
        'attributes."60xx,3000": curves and overlays',
        'attributes."0008,0020": StudyDate may be empty, but not absent. Write empty.',
        'attributes."0019,xx0C,SIEMENS MR HEADER": for a private attribute, say what its values are',
        "attributes.\"0019,xx0D,SIEMENS MR HEADER\": private attributes of VR 'OB' cannot be kept",
    ):
        assert line in told
    assert len(refused.value.faults) == 16


WRONG = """
nam = "lungs"
options = ["retain-full-dates", "retain-modified-dates"]
without = ["retain-uids"]
keep = ["PatientID", "AdmissionID"]
pixel_rules = { text = "[[device]]" }
[attributes]
InstitutionNam = "keep"
StudyDate = "keep"
"0019,xx0C,SIEMENS MR HEADER" = { keep = "IS" }
"0019,xx0D,SIEMENS MR HEADER" = { keep = "OB" }
"""


@pytest.mark.parametrize("extends", ["", 'extends = "reserch"', 'extends = ""'])
def test_what_is_wrong_is_told_at_once_each_once_also_where_what_is_extended_is_not_there(
    extends: str,
) -> None:
    with pytest.raises(ProfileError) as refused:
        read_profile(extends + WRONG)
    told = [(fault.path, fault.text) for fault in refused.value.faults]
    assert len(set(told)) == len(told)
    places = Counter(path for path, _text in told)
    common = Counter(
        {
            "": 1,
            "nam": 1,
            "keep": 2,
            "pixel_rules": 1,
            'attributes."InstitutionNam"': 1,
            'attributes."0019,xx0D,SIEMENS MR HEADER"': 1,
        }
    )
    # What depends on the other profile is told where that one is known.
    without_safe_private = {f'attributes."0019,xx0{n},SIEMENS MR HEADER"': 1 for n in "CD"}
    known = Counter({"without": 1, "pixel_rules": 0} | without_safe_private)
    pixels_not_cleaned = Counter({"": 1})
    if "reserch" in extends:
        assert places == common + Counter(extends=1)
    else:
        assert places == common + known + pixels_not_cleaned + Counter(extends=1 if extends else 0)


@pytest.mark.parametrize("key", ["extends", "pixel_rules"])
@pytest.mark.parametrize("value", ["", " "])
def test_a_name_that_is_empty_is_told(key: str, value: str) -> None:
    with pytest.raises(ProfileError, match=f"{key}: empty"):
        read_profile(f'{key} = "{value}"')


@pytest.mark.parametrize("tag", sorted(IDENTIFIER_TAGS))
def test_an_identifier_is_not_kept_and_that_of_a_device_may_be(tag: int) -> None:
    word = keyword(tag)
    for text in (f'keep = ["{word}"]', f'[attributes]\n{word} = "keep"'):
        if tag in DEVICE_TAGS:
            assert read_profile(text).profile.digest
            continue
        with pytest.raises(ProfileError) as refused:
            read_profile(text)
        assert {fault.reason for fault in refused.value.faults} == {"never_kept"}


@pytest.mark.parametrize("word", ["PatientComments", "AdditionalPatientHistory", "VisitComments"])
def test_free_text_about_the_patient_is_cleaned_not_kept(word: str) -> None:
    for text in (f'keep = ["{word}"]', f'[attributes]\n{word} = "keep"'):
        with pytest.raises(ProfileError, match=r"free text about the patient.* clean instead"):
            read_profile(text)
    for text in (f'clean = ["{word}"]', f'[attributes]\n{word} = "clean"'):
        assert read_profile(text).profile.digest


def test_an_attribute_by_its_tag_and_by_its_keyword_is_told_as_one() -> None:
    with pytest.raises(ProfileError, match="stands there twice"):
        read_profile('[attributes]\n"0008,0080" = "keep"\nInstitutionName = "remove"')
    for key in ('"(0008,0080)"', "InstitutionName", '"0008,0080"'):
        assert read_profile(f'[attributes]\n{key} = "keep"').profile.lines == {
            Line(0x00080080, Treatment.KEEP)
        }


def test_a_text_that_is_no_toml_is_told() -> None:
    with pytest.raises(ProfileError, match="not TOML"):
        read_profile("keep = [")


def test_an_inherited_line_that_no_longer_goes_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "full.toml").write_text('options = ["retain-full-dates"]\n[attributes]\nStudyDate = "keep"')
    child = tmp_path / "child.toml"
    child.write_text('extends = "full.toml"\nwithout = ["retain-full-dates"]')
    with pytest.raises(ProfileError, match=r'"0008,0020" \(of what it extends\)'):
        load_profile(child)
