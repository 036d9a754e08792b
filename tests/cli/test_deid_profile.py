"""`ror deid profile`, and projects with a profile: what people see, and what machines get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anonymizer import load_profile, read_profile
from tests.cli.test_commands import Home, home

__all__ = ["home"]

OWN = """
description = "The scanner matters."
extends = "research"
options = ["retain-safe-private"]
[attributes]
InstitutionName = "keep"
"0019,xx77,SIEMENS MR HEADER" = { keep = "IS" }
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(OWN, encoding="utf-8")
    return file


def test_profiles_are_listed_with_what_they_are_for(home: Home) -> None:
    listed = json.loads(home.good("deid", "profile", "list", "--json"))
    assert [one["name"] for one in listed] == sorted(
        ["basic", "longitudinal-full-dates", "public", "quantitative", "research", "teaching"]
    )
    assert all(one["description"] for one in listed)


def test_a_profile_is_shown_as_table_as_json_and_as_a_file_that_is_the_same(home: Home, own: Path) -> None:
    shown = home.good("deid", "profile", "show", str(own))
    assert "The scanner matters." in shown
    (row,) = [line for line in shown.splitlines() if "SIEMENS MR HEADER" in line and "77" in line]
    assert row.rstrip().endswith("keep IS")
    assert "InstitutionName" not in shown
    told = json.loads(home.good("deid", "profile", "show", str(own), "--all", "--json"))
    assert told["digest"] == load_profile(own).profile.digest
    (row,) = [one for one in told["attributes"] if one["name"] == "InstitutionName"]
    assert row == {"tag": "(0008,0080)", "name": "InstitutionName", "standard": "X/Z/D", "action": "keep"}
    text = home.good("deid", "profile", "show", str(own), "--toml")
    assert read_profile(text).profile == load_profile(own).profile


def test_all_657_rows_are_shown(home: Home) -> None:
    told = json.loads(home.good("deid", "profile", "show", "basic", "--all", "--json"))
    assert len(told["attributes"]) == 657


def test_a_profile_beside_the_standard_and_beside_another(home: Home, own: Path) -> None:
    beside_standard = json.loads(home.good("deid", "profile", "diff", str(own), "--json"))
    names = {row["name"] or row["tag"]: (row["this"], row["other"]) for row in beside_standard}
    assert names["InstitutionName"] == ("keep", "dummy")
    assert names["SeriesDescription"] == ("clean, else remove", "remove")
    assert names["(0019,xx77) SIEMENS MR HEADER"] == ("keep IS", "remove")
    # SequenceName is cleaned by both: no row of the table is about it.
    assert set(names) == {
        "InstitutionName",
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "(0019,xx77) SIEMENS MR HEADER",
    }
    assert json.loads(home.good("deid", "profile", "diff", "basic", "--json")) == []
    assert json.loads(home.good("deid", "profile", "diff", str(own), str(own), "--json")) == []


def test_faults_of_a_profile_are_told_with_what_to_do(home: Home, own: Path) -> None:
    own.write_text('kep = []\n[attributes]\nInstitutionName = "kept"')
    said = home.ror("deid", "profile", "show", str(own))
    assert said.code == 1
    assert f"{own}: 2 faults" in said.err
    assert "kep: unknown. Do you mean keep?" in said.err
    assert "Traceback" not in said.err
    missing = home.ror("deid", "profile", "show", "reserch")
    assert (missing.code, "Do you mean research?" in missing.err) == (1, True)
    both = home.ror("deid", "profile", "show", "basic", "--project", "lungs")
    assert both.code == 2


def test_a_project_has_the_profile_as_the_file_was_then(home: Home, own: Path) -> None:
    home.good("project", "add", "lungs", "--profile", str(own), "--keep", "PatientSex")
    (listed,) = json.loads(home.good("project", "list", "--json"))
    assert listed["profile"] == "own"
    before = json.loads(home.good("deid", "profile", "show", "--project", "lungs", "--json"))
    assert {one["name"]: one["action"] for one in before["attributes"]}.get(
        "PatientSex"
    ) is None  # it is kept
    own.write_text('extends = "basic"')
    after = json.loads(home.good("deid", "profile", "show", "--project", "lungs", "--json"))
    assert after == before
    home.good("project", "change", "lungs", "--profile", "public")
    assert json.loads(home.good("project", "list", "--json"))[0]["profile"] == "public"
    home.good("project", "change", "lungs", "--clear", "profile")
    assert json.loads(home.good("project", "list", "--json"))[0]["profile"] == ""


def test_a_project_with_a_profile_that_is_none_is_not_made(home: Home) -> None:
    home.good("project", "add", "heads")
    said = home.ror("project", "add", "lungs", "--profile", "nowhere")
    assert (said.code, "there is no shipped profile" in said.err) == (1, True)
    assert [one["name"] for one in json.loads(home.good("project", "list", "--json"))] == ["heads"]
