"""QIDO-RS by the field's own client: what matches, page by page, and nothing of another project."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror.web.query_values import value_fault
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.web.conftest import Web, multipart
from tests.web.shelved import CLASSES, add


@pytest.fixture
def filled(web: Web) -> Web:
    add(web.app.index, "lungs", 1, "CT", 1)
    add(web.app.index, "lungs", 1, "MR", 2, count=3)
    add(web.app.index, "lungs", 2, "CT", 1, StudyDescription="CHEST_low dose")
    add(web.app.index, "lungs", 3, "MR", 1)
    add(web.app.index, "heads", 9, "CT", 1)
    return web


def studies(web: Web, **filters: str) -> set[str]:
    found = web.client(web.read).search_for_studies(search_filters=filters)
    return {one["0020000D"]["Value"][0] for one in found}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"1.1", "1.2", "1.3"}),
        ({"PatientID": "P2"}, {"1.2"}),
        ({"00100020": "P2"}, {"1.2"}),
        ({"PatientID": "p2"}, set()),
        ({"PatientID": "P?"}, {"1.1", "1.2", "1.3"}),
        ({"PatientName": "name1^given"}, {"1.1"}),
        ({"PatientName": "NAME*"}, {"1.1", "1.2", "1.3"}),
        ({"PatientName": ""}, {"1.1", "1.2", "1.3"}),
        ({"PatientName": "*"}, {"1.1", "1.2", "1.3"}),
        ({"StudyDate": "20260102"}, {"1.2"}),
        ({"StudyDate": "20260102-"}, {"1.2", "1.3"}),
        ({"StudyDate": "-20260102"}, {"1.1", "1.2"}),
        ({"StudyDate": "20260101-20260102"}, {"1.1", "1.2"}),
        ({"StudyInstanceUID": "1.1,1.3"}, {"1.1", "1.3"}),
        ({"StudyInstanceUID": "1.1\\1.2"}, {"1.1", "1.2"}),
        ({"StudyInstanceUID": "1.9"}, set()),
        ({"ModalitiesInStudy": "MR"}, {"1.1", "1.3"}),
        ({"ModalitiesInStudy": "CT", "StudyDate": "20260101"}, {"1.1"}),
        ({"StudyDescription": "CHEST_*"}, {"1.2"}),
        ({"StudyDescription": "CHEST%"}, set()),
        ({"StudyDescription": "chest*"}, set()),
        ({"SeriesDescription": "series 2*"}, {"1.1"}),
    ],
)
def test_studies_match_as_the_standard_says(filled: Web, filters: dict[str, str], found: set[str]) -> None:
    assert studies(filled, **filters) == found


@pytest.mark.parametrize(
    ("keyword", "wrong", "told"),
    [
        (
            "StudyDate",
            ["yesterday", "2026-01-02", "20261345", "20260101 20260102", "-", "202", "٢٠٢٦"],
            "date",
        ),
        ("00080020", ["today"], "StudyDate: no date"),
        ("StudyTime", ["noon", "12:30", "2560", "1-2-3"], "time"),
        ("AcquisitionDateTime", ["now", "20260230", "20260101250000"], "time"),
        ("StudyInstanceUID", ["1.2.x", "1.2.*", "1.1,study", "1" * 65], "UID"),
        ("InstanceNumber", ["one", "1*"], "number"),
    ],
)
def test_what_is_no_value_of_its_kind_is_refused_with_the_reason(
    web: Web, keyword: str, wrong: list[str], told: str
) -> None:
    for value in wrong:
        refused = web.get("/instances", **{keyword: value})
        assert refused.status_code == 400, value
        assert told in refused.text
        assert value not in refused.text or len(value) < 4


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.datetimes(min_value=datetime(1900, 1, 1)))
def test_values_and_ranges_as_the_standard_writes_them_are_looked_for(one: datetime, other: datetime) -> None:
    for keyword, format in (
        ("StudyDate", "%Y%m%d"),
        ("StudyTime", "%H%M%S.%f"),
        ("StudyTime", "%H%M"),
        ("AcquisitionDateTime", "%Y%m%d%H%M%S.%f"),
        ("AcquisitionDateTime", "%Y%m%d%H-0500"),
        ("AcquisitionDateTime", "%Y%m"),
    ):
        first, last = one.strftime(format), other.strftime(format)
        for text in (first, f"{first}-{last}", f"{first}-", f"-{last}"):
            assert value_fault(keyword, text) == ""


def test_a_study_tells_what_it_has(filled: Web) -> None:
    (found,) = filled.get("/studies", StudyInstanceUID="1.1").json()
    told = {tag: attribute.get("Value") for tag, attribute in found.items()}
    assert told["00080061"] == ["CT", "MR"]
    assert (told["00201206"], told["00201208"]) == ([2], [5])
    assert (told["00100020"], told["00100010"]) == (["P1"], [{"Alphabetic": "Name1^Given"}])
    assert told["00081190"] == [f"{filled.url}/studies/1.1"]


def test_series_are_told_below_their_study_and_alone(filled: Web) -> None:
    client = filled.client(filled.read)
    found = client.search_for_series("1.1")
    assert [(one["0020000E"]["Value"], one["00201209"]["Value"]) for one in found] == [
        (["1.1.1"], [2]),
        (["1.1.2"], [3]),
    ]
    assert found[1]["00200011"] == {"vr": "IS", "Value": [2]}
    assert len(client.search_for_series(search_filters={"Modality": "CT"})) == 2
    (one,) = client.search_for_series(search_filters={"Modality": "MR", "SeriesNumber": "2"})
    assert one["0020000D"]["Value"] == ["1.1"]


def test_pages_are_parts_of_one_list(filled: Web) -> None:
    whole = [one["0020000E"]["Value"][0] for one in filled.get("/series").json()]
    pages = [filled.get("/series", limit="2", offset=str(at)).json() for at in (0, 2, 4)]
    assert [one["0020000E"]["Value"][0] for page in pages for one in page] == whole
    assert [len(page) for page in pages] == [2, 2, 0]
    assert "Warning" not in filled.get("/series", limit="2").headers


def test_more_than_there_may_be_in_an_answer_is_said(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror.web.query.MOST_RESULTS", 2)
    add(web.app.index, "lungs", 1, "CT", 1, count=1)
    add(web.app.index, "lungs", 2, "CT", 1, count=1)
    assert "Warning" not in web.get("/studies").headers
    add(web.app.index, "lungs", 3, "CT", 1, count=1)
    for query in ({}, {"limit": "1000000"}):
        answered = web.get("/studies", **query)
        assert (len(answered.json()), "Additional results" in answered.headers["Warning"]) == (2, True)


def test_attributes_besides_are_told_when_wanted(filled: Web) -> None:
    assert "00181030" not in filled.get("/series").json()[0]
    add(filled.app.index, "lungs", 4, "CT", 1, ProtocolName="chest")
    for field in ("ProtocolName", "00181030", "KVP,ProtocolName", "all"):
        (found,) = filled.get("/studies/1.4/series", includefield=field).json()
        assert found["00181030"]["Value"] == ["chest"]


def test_another_project_is_not_there(filled: Web) -> None:
    assert filled.get("/studies", token=filled.foreign).json()[0]["0020000D"]["Value"] == ["1.9"]
    for path in ("/studies/1.9/series", "/studies/1.9/instances", "/studies/1.9/series/1.9.1/instances"):
        assert filled.get(path).json() == []
    assert filled.get("/instances", SOPInstanceUID="1.9.1.0").json() == []


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/studies", {"limit": "-1"}, 400),
        ("/studies", {"limit": "9" * 5000}, 400),
        ("/studies", {"offset": "x"}, 400),
        ("/studies", {"NoSuchAttribute": "x"}, 400),
        ("/studies", {"RequestAttributesSequence.ScheduledProcedureStepID": "x"}, 400),
        ("/studies", {"includefield": "NoSuchAttribute"}, 400),
        ("/studies", {"SOPInstanceUID": "1.1.1.0"}, 400),
        ("/series", {"InstanceNumber": "1"}, 400),
        ("/studies/1.2.x/series", {}, 400),
        ("/studies/" + "1" * 65 + "/series", {}, 400),
        ("/studies/..%2f..%2fetc/series", {}, 404),
        ("/nothing", {}, 404),
    ],
)
def test_what_is_asked_wrongly_is_refused(filled: Web, path: str, query: dict[str, str], status: int) -> None:
    assert filled.get(path, **query).status_code == status


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/dicom+json"),
        ("application/json", "application/json"),
        ("application/dicom+json, application/json", "application/dicom+json"),
        ("application/json;q=0.5, application/dicom+json;q=0.1", "application/json"),
        ("text/html", None),
    ],
)
def test_the_client_gets_what_it_accepts(filled: Web, accept: str, kind: str | None) -> None:
    answered = filled.get("/studies", accept)
    assert (answered.status_code, answered.headers["Content-Type"]) == (
        (200, kind) if kind else (406, "text/plain; charset=utf-8")
    )


def test_fuzzy_matching_is_refused_as_the_standard_says(filled: Web) -> None:
    assert "fuzzymatching" in filled.get("/studies", fuzzymatching="true").headers["Warning"]


def test_stars_without_end_take_no_time(filled: Web) -> None:
    assert studies(filled, StudyDescription="*a" * 500 + "b") == set()


def test_instances_tell_what_is_in_their_files(web: Web) -> None:
    files = [
        part10(minimal(SOPInstanceUID=f"{ROOT}.4.{number}", InstanceNumber=str(number), Rows=16, Columns=16))
        for number in range(1, 4)
    ]
    assert web.post(multipart(*files)).status_code == 200
    client = web.client(web.read)
    (study,) = (one["0020000D"]["Value"][0] for one in client.search_for_studies())
    found: list[dict[str, Any]] = client.search_for_instances(study)
    assert sorted(one["00200013"]["Value"][0] for one in found) == [1, 2, 3]
    assert {one["00280010"]["Value"][0] for one in found} == {16}
    (second,) = client.search_for_instances(study, search_filters={"InstanceNumber": "2"})
    assert second["00200013"]["Value"] == [2]
    (by_uid,) = client.search_for_instances(search_filters={"SOPInstanceUID": second["00080018"]["Value"][0]})
    assert by_uid["00080018"] == second["00080018"]
    assert client.search_for_instances(study, search_filters={"SOPClassUID": CLASSES["MR"]}) == []
