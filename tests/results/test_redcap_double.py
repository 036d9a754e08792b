"""The double of REDCap answers as the published API says that REDCap does, and lets pass what REDCap lets pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from redcap.project import Project

from tests.support.redcap_server import TOKEN, Field, RedcapServer

FIELDS = (
    Field("ptid", form="record"),
    Field("volume", validation="number", minimum="0", maximum="10", required=True),
    Field("age", validation="integer"),
    Field("stage", choices=("1", "2")),
    Field("sites", kind="checkbox", choices=("1", "2")),
    Field("ratio", kind="calc"),
    Field("born", validation="date_dmy"),
    Field("diameter", form="lesion", validation="number"),
)
EVENTS = {
    "visit_1_arm_1": ("measurements", "lesion"),
    "visit_2_arm_1": ("measurements",),
    "control_arm_2": (),
}


@pytest.fixture
def classic() -> Iterator[RedcapServer]:
    with RedcapServer(FIELDS) as server:
        yield server


@pytest.fixture
def longitudinal() -> Iterator[RedcapServer]:
    with RedcapServer(FIELDS, EVENTS, frozenset({("visit_1_arm_1", "lesion")})) as server:
        yield server


def asked(server: RedcapServer, **form: str) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    wanted = {"token": TOKEN, "format": "json", "returnFormat": "json"} | form
    answer = requests.post(server.url, data=wanted, timeout=300)
    return answer.status_code, answer.json()


def imported(server: RedcapServer, *rows: dict[str, Any], **form: str) -> tuple[int, Any]:
    return asked(server, content="record", data=json.dumps(rows), **form)


def test_a_wrong_token_is_forbidden(classic: RedcapServer) -> None:
    wanted = (403, {"error": "You do not have permissions to use the API"})
    assert asked(classic, content="metadata", token="F" * 32) == wanted
    answer = requests.post(classic.url, data={"token": "", "content": "version"}, timeout=300)
    assert (answer.status_code, "<error>" in answer.text) == (403, True)  # XML, for none was asked for


@pytest.mark.parametrize(("right", "is_import"), [("export", True), ("import", False)])
def test_a_right_that_is_missing_is_forbidden(right: str, is_import: bool, classic: RedcapServer) -> None:
    classic.rights = frozenset({right})
    status, told = imported(classic, {"ptid": "1"}) if is_import else asked(classic, content="metadata")
    assert (status, "privileges" in told["error"]) == (403, True)


def test_records_come_back_flat_and_by_value(longitudinal: RedcapServer) -> None:
    place = {"ptid": "1", "redcap_event_name": "visit_1_arm_1"}
    lesion = {"redcap_repeat_instrument": "lesion", "redcap_repeat_instance": 2}
    assert imported(longitudinal, place | {"volume": 4, "age": ""}, place | lesion | {"diameter": "7.5"}) == (
        200,
        {"count": 1},
    )
    _, flat = asked(longitudinal, content="record")
    assert [(row["volume"], row["diameter"], row["redcap_repeat_instance"]) for row in flat] == [
        ("4", "", ""),
        ("", "7.5", 2),
    ]
    _, by_value = asked(longitudinal, content="record", type="eav")
    assert [(row["record"], row["field_name"], row["value"]) for row in by_value] == [
        ("1", "volume", "4"),
        ("1", "diameter", "7.5"),
    ]


def test_records_come_in_by_value(longitudinal: RedcapServer) -> None:
    row = {"record": "1", "redcap_event_name": "visit_2_arm_1", "field_name": "age", "value": "54"}
    assert imported(longitudinal, row, type="eav", returnContent="ids") == (200, ["1"])
    assert longitudinal.records == {("1", "visit_2_arm_1", "", None): {"age": "54"}}
    status, told = imported(longitudinal, {"ptid": "1", "age": "54"}, type="eav")
    assert (status, "EAV" in told["error"]) == (400, True)


def test_what_names_no_event_goes_into_the_first(longitudinal: RedcapServer) -> None:
    assert imported(longitudinal, {"ptid": "1", "age": "54"})[0] == 200
    assert list(longitudinal.records) == [("1", "visit_1_arm_1", "", None)]


REFUSED = {
    "an unknown event": (
        [{"ptid": "1", "redcap_event_name": "visit_11_arm_1", "age": 1}],
        "The following values of redcap_event_name are invalid: visit_11_arm_1",
    ),
    "unknown fields": (
        [{"ptid": "1", "foo": 1}, {"ptid": "2", "bar": 1}],
        "The following fields were not found in the project as real data fields: foo, bar",
    ),
    "values": (
        [{"ptid": "1", "stage": "3"}, {"ptid": "2", "stage": "4", "age": "1.5"}],
        '"1","stage","3","The value is not a valid category for stage"\n'
        '"2","stage","4","The value is not a valid category for stage"\n'
        '"2","age","1.5","The value you provided could not be validated because it does not follow the expected '
        'format."',
    ),
    "a date in its own order": ([{"ptid": "1", "born": "24-12-1970"}], "expected format"),
    "no record": ([{"age": 1}], "record ID field"),
    "an instance of what does not repeat": (
        [{"ptid": "1", "redcap_repeat_instrument": "measurements", "redcap_repeat_instance": 1, "age": 1}],
        "not a repeating instrument",
    ),
    "an instance that is no number": (
        [{"ptid": "1", "redcap_repeat_instrument": "lesion", "redcap_repeat_instance": "a", "diameter": 1}],
        "whole number from 1",
    ),
    "no instance": ([{"ptid": "1", "diameter": 1}], "needs an instance"),
    "an instrument that is not designated": (
        [{"ptid": "1", "redcap_event_name": "visit_2_arm_1", "diameter": 1}],
        "not designated for the event visit_2_arm_1",
    ),
}


@pytest.mark.parametrize(("rows", "told"), REFUSED.values(), ids=REFUSED)
def test_an_import_is_refused_whole(
    rows: list[dict[str, Any]], told: str, longitudinal: RedcapServer
) -> None:
    status, answer = imported(longitudinal, {"ptid": "9", "age": 1}, *rows)
    assert (status, told in answer["error"]) == (400, True), answer
    assert longitudinal.records == {}


def test_what_is_no_list_of_records_is_refused(classic: RedcapServer) -> None:
    for data in ("{", '{"ptid": "1"}', "[1]"):
        status, answer = asked(classic, content="record", data=data)
        assert (status, "array of objects" in answer["error"]) == (400, True)


@pytest.mark.parametrize("name", ["type", "overwriteBehavior", "returnContent", "forceAutoNumber"])
def test_a_parameter_that_does_not_exist_so_is_refused(name: str, classic: RedcapServer) -> None:
    assert imported(classic, {"ptid": "1"}, **{name: "nonsense"})[0] == 400


def test_blanks_overwrite_only_when_they_are_to(classic: RedcapServer) -> None:
    imported(classic, {"ptid": "1", "age": 54})
    imported(classic, {"ptid": "1", "age": ""})
    assert classic.records[("1", "", "", None)] == {"age": "54"}
    imported(classic, {"ptid": "1", "age": ""}, overwriteBehavior="overwrite")
    assert classic.records[("1", "", "", None)] == {"age": ""}


def test_what_redcap_lets_pass_passes(classic: RedcapServer) -> None:
    row = {"ptid": "1", "volume": "11", "ratio": "3", "sites___2": "1", "record_complete": "2"}
    assert imported(classic, row) == (200, {"count": 1})  # out of range, and not for the calculated field
    assert classic.records[("1", "", "", None)] == {"volume": "11", "sites___2": "1", "record_complete": "2"}
    assert imported(classic, {"ptid": "2", "age": "1"})[0] == 200  # without the required field


def test_pycap_understands_what_is_exported(longitudinal: RedcapServer) -> None:
    project = Project(longitudinal.url, TOKEN)
    assert project.def_field == "ptid"
    assert len(project.export_metadata()[0]) == 18
    assert [one["instrument_name"] for one in project.export_instruments()] == [
        "record",
        "measurements",
        "lesion",
    ]
    assert [one["unique_event_name"] for one in project.export_events()] == list(EVENTS)
    assert [one["arm_num"] for one in project.export_arms()] == [1, 2]
    assert [
        (one["unique_event_name"], one["form"]) for one in project.export_instrument_event_mappings()
    ] == [
        ("visit_1_arm_1", "measurements"),
        ("visit_1_arm_1", "lesion"),
        ("visit_2_arm_1", "measurements"),
    ]
    (repeats,) = project.export_repeating_instruments_events()
    assert (repeats["event_name"], repeats["form_name"]) == ("visit_1_arm_1", "lesion")
    assert project.export_project_info()["is_longitudinal"] == 1
    assert str(project.export_version()) == "14.5.0"


@pytest.mark.parametrize("content", ["event", "arm", "formEventMapping"])
def test_a_classic_project_has_no_events_to_export(content: str, classic: RedcapServer) -> None:
    status, answer = asked(classic, content=content)
    assert (status, "classic projects" in answer["error"]) == (400, True)
