"""What REDCap would refuse is known before anything is measured, all of it at once, with what to do."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import Manifest
from ror.config import RedcapSettings
from ror.errors import ConfigurationError
from ror.registry import Project
from ror.results import (
    Announced,
    Redcaps,
    RedcapUnavailable,
    dictionary_csv,
    dictionary_rows,
    merged_dictionary,
)
from ror.results.redcap import RedcapField
from ror.results.redcap.values import takes_numbers, written
from tests.results.samples import manifest
from tests.support.redcap_server import TOKEN, Field, RedcapServer

MEASURED = """
name = "{name}"
version = "1"
command = ["python", "main.py"]
select = "select series from study where series named CT has Modality = CT"
[[outputs.measurements]]
field = "{name}_volume"
label = "Volume, of {name}"
code = {{ value = "118565006", scheme = "SCT", meaning = "Volume" }}
unit = {{ value = "mL", scheme = "UCUM", meaning = "milliliter" }}
[[outputs.measurements]]
field = "{name}_count"
label = "Number of nodules"
code = {{ value = "111787", scheme = "DCM", meaning = "Count" }}
unit = {{ value = "1", scheme = "UCUM", meaning = "no units" }}
"""
LUNG, LIVER = (manifest(MEASURED.format(name=name)) for name in ("lung", "liver"))
FIELDS = (
    Field("record_id", form="record"),
    Field("lung_volume", form="images", validation="number"),
    Field("lung_count", form="images", validation="integer"),
)
CT_ARM = "ct_arm_1"


@pytest.fixture
def server() -> Iterator[RedcapServer]:
    with RedcapServer(FIELDS) as server:
        yield server


@pytest.fixture
def redcaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Redcaps:
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", TOKEN)
    return Redcaps(tmp_path, RedcapSettings())


def announced(*manifests: Manifest) -> list[Announced]:
    return [Announced(one.name, one.outputs.measurements) for one in manifests]


def lungs(server: RedcapServer, instrument: str = "", event: str = "") -> Project:
    return Project("lungs", redcap_url=server.url, redcap_repeat_instrument=instrument, redcap_event=event)


def told(
    redcaps: Redcaps, project: Project, *manifests: Manifest, events: frozenset[str] = frozenset()
) -> list[str]:
    found = redcaps.check(project, announced(*manifests or (LUNG,)), events)
    assert all(one.mend for one in found)
    return [one.what for one in found]


def test_a_project_that_fits_is_well_and_stays_as_it_was(server: RedcapServer, redcaps: Redcaps) -> None:
    assert told(redcaps, lungs(server)) == []
    assert server.records == {}


def test_all_that_does_not_fit_is_told_at_once(server: RedcapServer, redcaps: Redcaps) -> None:
    server.fields = (
        Field("record_id", form="record"),
        Field("lung_volume", form="images", validation="integer"),
        Field("lung_cuont", form="images", validation="integer"),
        Field("liver_volume", form="images", kind="calc"),
        Field("liver_count", form="images", validation="date_ymd"),
    )
    server.rights = frozenset({"export"})
    assert told(redcaps, lungs(server), LUNG, LIVER, renamed(LIVER)) == [
        "the token may not import: You do not have API Import/Update privileges in the project",
        "lung: lung_volume takes integers only",
        "lung: lung_count is not in the data dictionary; did you mean lung_cuont?",
        "liver: liver_volume is calculated by REDCap itself",
        "liver: liver_count has the validation date_ymd, and takes no number",
        "other: liver_volume is calculated by REDCap itself",
        "other: liver_count has the validation date_ymd, and takes no number",
        "liver_volume is given by liver, other: what one of them has written, no other overwrites",
        "liver_count is given by liver, other: what one of them has written, no other overwrites",
    ]


def renamed(one: Manifest, name: str = "other") -> Manifest:
    return one.model_copy(update={"name": name})


def test_all_workflows_that_share_a_field_are_told(server: RedcapServer, redcaps: Redcaps) -> None:
    found = redcaps.check(lungs(server), announced(LUNG, renamed(LUNG, "b"), renamed(LUNG, "c")), frozenset())
    assert {one.workflows for one in found} == {("lung", "b", "c")}
    assert [one.what.partition(":")[0] for one in found] == [
        "lung_volume is given by lung, b, c",
        "lung_count is given by lung, b, c",
    ]


TEXTS = st.builds(
    RedcapField,
    st.just("lung_count"),
    st.just("images"),
    st.sampled_from(["text", "notes", "slider", "calc", "file", "descriptive"]),
    st.sampled_from(["", "integer", "number", "number_2dp", "email", "date_ymd", "time", "phone"]),
)
CHOSEN = st.builds(
    RedcapField,
    st.just("lung_count"),
    st.just("images"),
    st.sampled_from(["radio", "dropdown", "yesno", "checkbox"]),
    choices=st.sampled_from([("0", "1"), ("1", "2", "3"), ("low", "high"), ("01", "02")]),
)


@given(TEXTS | CHOSEN, st.booleans())
def test_what_is_checked_before_is_what_is_refused_later(field: RedcapField, is_counted: bool) -> None:
    """A field that is told to fit takes a number (all of them, where it has no choices); another takes none."""
    numbers = [0, 1, 2, 3, 17] if is_counted else [0.5, 3.25, -1.75]
    taken = []
    for number in numbers:
        try:
            taken.append(written(number, field))
        except ValueError:
            continue
    if takes_numbers(field, may_be_whole=is_counted):
        assert not taken
    else:
        assert taken if field.choices else len(taken) == len(numbers)


@pytest.mark.parametrize(("rights", "what"), [("import", "API Export"), ("", "API Export")])
def test_a_token_that_may_not_read_the_dictionary_is_told(
    rights: str, what: str, server: RedcapServer, redcaps: Redcaps
) -> None:
    server.rights = frozenset({rights})
    (found,) = redcaps.check(lungs(server), announced(LUNG), frozenset())
    assert "may not read the data dictionary" in found.what
    assert what in found.what and what in found.mend


def test_an_instrument_that_repeats_has_to_be_named(server: RedcapServer, redcaps: Redcaps) -> None:
    server.repeating = frozenset({("", "images")})
    for found in redcaps.check(lungs(server), announced(LUNG), frozenset()):
        assert found.what.endswith("is on the instrument images, which repeats")
        assert found.mend == "ror project change lungs --redcap-repeat-instrument images"
    assert told(redcaps, lungs(server, "images")) == []


@pytest.mark.parametrize(
    ("instrument", "what"),
    [
        ("scans", "there is no instrument scans to repeat"),
        ("images", "the instrument images does not repeat"),
    ],
)
def test_an_instrument_that_is_named_has_to_repeat(
    instrument: str, what: str, server: RedcapServer, redcaps: Redcaps
) -> None:
    assert told(redcaps, lungs(server, instrument))[0] == what


def test_a_field_has_to_be_on_the_instrument_that_repeats(server: RedcapServer, redcaps: Redcaps) -> None:
    server.fields = (*FIELDS, Field("liver_volume", form="scans", validation="number"))
    server.repeating = frozenset({("", "scans")})
    assert told(redcaps, lungs(server, "scans")) == [
        f"lung: {name} is on the instrument images, not on scans, whose instances measurements go to"
        for name in ("lung_volume", "lung_count")
    ]


@pytest.mark.parametrize(
    ("named", "event", "what"),
    [
        (frozenset(), "", ["the REDCap project is longitudinal, and not every study has an event"]),
        (
            frozenset({CT_ARM, ""}),
            "",
            ["the REDCap project is longitudinal, and not every study has an event"],
        ),
        (frozenset({CT_ARM}), "", []),
        (frozenset({CT_ARM, ""}), CT_ARM, []),
        (frozenset(), CT_ARM, []),
        (frozenset({"mr_arm_1"}), "", ["mr_arm_1 is no event with instruments"]),
    ],
)
def test_every_study_needs_an_event_of_the_project(
    named: frozenset[str], event: str, what: list[str], server: RedcapServer, redcaps: Redcaps
) -> None:
    server.events = {CT_ARM: ("images",)}
    assert told(redcaps, lungs(server, event=event), events=named) == what


def test_an_instrument_has_to_be_designated_for_the_events(server: RedcapServer, redcaps: Redcaps) -> None:
    server.events = {CT_ARM: ("images",), "mr_arm_2": ("record",)}
    assert told(redcaps, lungs(server), events=frozenset({"mr_arm_2"})) == [
        f"lung: {name}: its instrument images is not designated for the event mr_arm_2"
        for name in ("lung_volume", "lung_count")
    ]


def test_events_without_a_longitudinal_project_are_told(server: RedcapServer, redcaps: Redcaps) -> None:
    (what,) = told(redcaps, lungs(server), events=frozenset({CT_ARM}))
    assert what == f"the REDCap project has no events, but {CT_ARM} is named"


def test_a_redcap_that_is_down_is_no_mismatch(server: RedcapServer, redcaps: Redcaps) -> None:
    server.down = 503
    with pytest.raises(RedcapUnavailable):
        redcaps.check(lungs(server), announced(LUNG), frozenset())


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_comes_from_a_file_that_nobody_else_may_read(
    server: RedcapServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROR_REDCAP_TOKEN_LUNGS", raising=False)
    redcaps, file = Redcaps(tmp_path, RedcapSettings()), tmp_path / "lungs.redcap-token"
    with pytest.raises(ConfigurationError, match="there is no token"):
        redcaps.target(lungs(server))
    file.write_text(f"{TOKEN}\n")
    for mode in (0o640, 0o604):
        file.chmod(mode)
        with pytest.raises(ConfigurationError, match=f"others may read {file}"):
            redcaps.target(lungs(server))
    file.chmod(0o600)
    assert told(redcaps, lungs(server)) == []
    for wrong in ("a word", "ü" * 32):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigurationError) as refused:
            redcaps.target(lungs(server))
        assert wrong not in str(refused.value) + refused.value.advice + repr(refused.value)


def test_a_token_of_the_environment_goes_first(
    server: RedcapServer, redcaps: Redcaps, tmp_path: Path
) -> None:
    (tmp_path / "lungs.redcap-token").write_text("F" * 32)
    assert redcaps.target(lungs(server)).token == TOKEN


def test_an_authority_has_to_be_a_file(server: RedcapServer, tmp_path: Path) -> None:
    redcaps = Redcaps(tmp_path, RedcapSettings(ca_bundle=str(tmp_path / "nothing.pem")))
    with pytest.raises(ConfigurationError, match=r"redcap\.ca_bundle is no file"):
        redcaps.target(lungs(server))


# -- the data dictionary ----------------------------------------------------------------------------------------------


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_dictionary_has_redcaps_columns_and_a_row_for_each_measurement() -> None:
    rows = read(dictionary_csv(dictionary_rows([LUNG, LIVER])))
    assert len(rows[0]) == 18
    shown = [{name: value for name, value in row.items() if value} for row in rows]
    assert shown[:2] == [
        {
            "Variable / Field Name": "record_id",
            "Form Name": "record",
            "Field Type": "text",
            "Field Label": "Record ID",
        },
        {
            "Variable / Field Name": "lung_volume",
            "Form Name": "lung",
            "Field Type": "text",
            "Field Label": "Volume, of lung (mL)",
            "Field Note": "by lung",
            "Text Validation Type OR Show Slider Number": "number",
            "Field Annotation": "SCT 118565006 |Volume|",
        },
    ]
    assert shown[2]["Field Label"] == "Number of nodules"  # has no unit
    assert [row["Form Name"] for row in rows[3:]] == ["liver", "liver"]
    assert {
        row["Form Name"] for row in read(dictionary_csv(dictionary_rows([LUNG, LIVER], "images")))[1:]
    } == {"images"}


def test_a_redcap_with_this_dictionary_takes_what_is_measured(server: RedcapServer, redcaps: Redcaps) -> None:
    rows = dictionary_rows([LUNG, LIVER], "images")
    server.fields = tuple(
        Field(one.field_name, one.form_name, one.text_validation_type_or_show_slider_number) for one in rows
    )
    assert told(redcaps, lungs(server), LUNG, LIVER) == []


def test_what_a_project_has_stays_and_what_it_lacks_comes_to_its_instrument(
    server: RedcapServer, redcaps: Redcaps
) -> None:
    server.fields = (
        Field("patient"),
        Field("lung_volume", form="images", validation="integer", required=True),
        Field("age", form="person", choices=("1", "2")),
    )
    there = redcaps.api(lungs(server)).dictionary()
    both = merged_dictionary(there, dictionary_rows([LUNG], "images"))
    assert [one.field_name for one in both] == ["patient", "lung_volume", "lung_count", "age"]
    assert read(dictionary_csv([one for one in both if one.field_name != "lung_count"])) == read(
        dictionary_csv(merged_dictionary(there, dictionary_rows([LUNG])[:1]))
    )
    (age,) = [one for one in both if one.field_name == "age"]
    assert age.select_choices_or_calculations == "1, label of 1 | 2, label of 2"
    assert [list(row.values()) for row in there] == [
        list(row.values())
        for row in read(dictionary_csv(merged_dictionary(there, dictionary_rows([LUNG])[:1])))
    ]


def test_two_workflows_do_not_share_a_field() -> None:
    with pytest.raises(ConfigurationError) as refused:
        dictionary_rows([LUNG, renamed(LUNG)])
    assert refused.value.faults == (
        "lung_volume is given by lung and by other",
        "lung_count is given by lung and by other",
    )


@pytest.mark.parametrize("form", ["Images", "ct images", "1st", "_images", "größe", "ct-images"])
def test_an_instrument_of_a_dictionary_is_called_as_redcap_calls_them(form: str) -> None:
    with pytest.raises(ConfigurationError, match="not the unique name of a REDCap instrument") as refused:
        dictionary_rows([LUNG], form)
    assert "--form images" in refused.value.advice


def test_a_package_that_announces_nothing_makes_no_dictionary() -> None:
    nothing = LUNG.model_copy(update={"outputs": type(LUNG.outputs)()})
    with pytest.raises(ConfigurationError, match="no measurement is announced"):
        dictionary_rows([nothing])
