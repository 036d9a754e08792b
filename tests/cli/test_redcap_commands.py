"""Commands about a project's REDCap."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from ror.app import App
from tests.cli.test_commands import Home, home
from tests.support.redcap_server import TOKEN, Field, RedcapServer

__all__ = ["home"]  # the fixture

SPLEEN = """
name = "spleen"
version = "1"
command = ["python", "main.py"]
select = "select series from study where series named CT has Modality = CT"
[[outputs.measurements]]
field = "spleen_volume"
label = "Volume of the spleen"
code = { value = "118565006", scheme = "SCT", meaning = "Volume" }
unit = { value = "mL", scheme = "UCUM", meaning = "milliliter" }
"""
URL = "https://redcap.example.org/api/"


# -- ror project ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Lungs"), "would be that of project lungs: ROR_REDCAP_TOKEN_LUNGS"),
        (("add", "heads", "--redcap-url", "http://redcap.example.org/api/"), "use https"),
        (("change", "lungs", "--redcap-url", "https://redcap.example.org/"), "not the URL"),
        (("change", "lungs", "--redcap-repeat-instrument", "Image 1"), "not the unique name"),
        (("change", "lungs", "--redcap-event", "Baseline"), "not the unique name"),
    ],
    ids=" ".join,
)
def test_what_would_fail_at_the_end_of_a_job_is_refused_at_once(
    home: Home, words: tuple[str, ...], told: str
) -> None:
    home.good("project", "add", "lungs")
    said = home.ror("project", *words)
    assert (said.code, said.out) == (1, "")
    what, advice = said.err.splitlines()
    assert what.startswith("ror: ")
    assert told in what
    assert advice.strip()
    assert [one["name"] for one in json.loads(home.good("project", "list", "--json"))] == ["lungs"]


def test_a_setting_can_be_taken_away(home: Home) -> None:
    home.settings('[pacs.research]\nhost = "h"\nport = 104\nae_title = "P"')
    given = {
        "pacs": "research",
        "redcap-url": URL,
        "redcap-repeat-instrument": "images",
        "redcap-event": "baseline_arm_1",
        "clean": "SeriesDescription",
        "keep": "PatientSex",
        "remove": "KVP",
    }
    home.good("project", "add", "plain")
    home.good("project", "add", "lungs", *(word for one in given for word in (f"--{one}", given[one])))
    lungs, plain = json.loads(home.good("project", "list", "--json"))
    for name in given:
        column = name.replace("-", "_")
        assert lungs[column] in (given[name], [given[name]])
        home.good("project", "change", "lungs", "--clear", name)
        lungs[column] = plain[column]
        assert json.loads(home.good("project", "list", "--json")) == [lungs, plain]
    assert lungs == plain | {"name": "lungs"}


def test_a_setting_is_not_given_and_taken_away_at_once(home: Home) -> None:
    home.good("project", "add", "lungs")
    said = home.ror("project", "change", "lungs", "--keep", "PatientSex", "--clear", "keep")
    assert (said.code, "both given and cleared" in said.err) == (2, True)
    said = home.ror("project", "change", "lungs", "--redcap-url", "")
    assert (said.code, "--clear" in said.err) == (2, True)


# -- ror doctor -------------------------------------------------------------------------------------------------------


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    with RedcapServer([Field("record_id")]) as server:
        yield server


def examined(home: Home, project: str) -> list[tuple[bool, str]]:
    """What the doctor says of the REDCap of a project, and whether each is well."""
    said = home.ror("doctor", "--json")
    assert TOKEN not in said.out + said.err
    found = [one for one in json.loads(said.out) if one["what"] == f"REDCap {project}"]
    assert all(one["well"] or one["mend"] for one in found)
    return [(one["well"], one["told"]) for one in found]


def test_the_doctor_asks_the_redcap_of_each_project(
    home: Home, redcap: RedcapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.good("project", "add", "knee-mr", "--redcap-url", redcap.url)
    home.good("project", "add", "lungs")
    assert examined(home, "lungs") == []
    ((well, told),) = examined(home, "knee-mr")
    assert (well, "there is no token" in told) == (False, True)
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", "a word")
    ((well, told),) = examined(home, "knee-mr")
    assert (well, "a word" in told, "32 hexadecimal digits" in told) == (False, False, True)
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", TOKEN[::-1])
    assert examined(home, "knee-mr") == [(False, "refuses: You do not have permissions to use the API")]
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", TOKEN)
    answers = (True, f"{redcap.url} answers (REDCap 14.5.0)")
    assert examined(home, "knee-mr") == [answers]
    home.good("project", "change", "knee-mr", "--redcap-repeat-instrument", "images")
    assert examined(home, "knee-mr") == [
        answers,
        (False, "would refuse: there is no instrument images to repeat"),
    ]
    redcap.down = 503
    assert examined(home, "knee-mr") == [(False, "REDCap answers 503")]


def test_a_package_that_is_gone_does_not_end_the_doctor(home: Home, measured: RedcapServer) -> None:
    (package,) = (home.folder / "packages" / "spleen").iterdir()
    (package / "workflow.toml").write_text("name = 5")
    assert examined(home, "lungs") == [(False, "what it has to take is not known")]


# -- ror redcap -------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A workflow that measures one volume."""
    folder = tmp_path / "spleen"
    folder.mkdir()
    (folder / "main.py").write_text("")
    (folder / "workflow.toml").write_text(SPLEEN)
    return folder


@pytest.fixture
def measured(
    home: Home, redcap: RedcapServer, package: Path, monkeypatch: pytest.MonkeyPatch
) -> RedcapServer:
    """The REDCap of a project in which the workflow is enabled; it has no field for it yet."""
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", TOKEN)
    home.good("project", "add", "lungs", "--redcap-url", redcap.url)
    home.good("workflow", "add", str(package), "--project", "lungs", "--no-prepare")
    return redcap


def test_what_redcap_would_refuse_is_told_until_it_has_the_dictionary(
    home: Home, measured: RedcapServer
) -> None:
    said = home.ror("redcap", "check", "lungs", "--json")
    assert (said.code, json.loads(said.out)) == (
        1,
        [
            {
                "what": "spleen: spleen_volume is not in the data dictionary",
                "mend": "add it by hand, or upload what `ror redcap dictionary --project lungs --merge` prints",
            }
        ],
    )
    rows = list(csv.DictReader(StringIO(home.good("redcap", "dictionary", "--project", "lungs", "--merge"))))
    fields = [row["Variable / Field Name"] for row in rows]
    assert fields == ["record_id", "spleen_volume"]
    measured.fields = [
        Field(name, row["Form Name"], row["Text Validation Type OR Show Slider Number"])
        for name, row in zip(fields, rows, strict=True)
    ]
    said = home.ror("redcap", "check", "lungs")
    assert (said.code, "takes all that its workflows announce" in said.out) == (0, True)
    note = "note: spleen may measure several series of a patient, of which a record takes one for each event"
    assert note in said.err
    home.ror("project", "change", "lungs", "--redcap-repeat-instrument", "spleen")
    assert "note" not in home.ror("redcap", "check", "lungs").err


def test_a_project_without_redcap_cannot_be_checked(home: Home) -> None:
    home.good("project", "add", "lungs")
    said = home.ror("redcap", "check", "lungs")
    assert (said.code, "has no REDCap" in said.err) == (1, True)


def test_it_is_said_when_a_workflow_is_added_or_a_redcap_named(
    home: Home, measured: RedcapServer, package: Path
) -> None:
    add = ("workflow", "add", str(package), "--project", "lungs", "--no-prepare")
    enable = ("workflow", "enable", "spleen", "--project", "lungs")
    change = ("project", "change", "lungs", "--redcap-url", measured.url)
    for words in (add, enable, change):
        said = home.ror(*words)
        assert said.code == 0
        assert "REDCap would refuse: spleen: spleen_volume is not in the data dictionary" in said.err
    measured.down = 503
    for words in (add, enable, change):
        said = home.ror(*words)
        assert (said.code, "could not be asked what it would refuse: REDCap answers 503" in said.err) == (
            0,
            True,
        )


def test_of_a_workflow_that_is_added_its_own_faults_are_told(
    home: Home, measured: RedcapServer, package: Path
) -> None:
    (package / "workflow.toml").write_text(SPLEEN.replace("spleen", "liver"))
    added = home.ror("workflow", "add", str(package), "--project", "lungs", "--no-prepare")
    assert added.code == 0, added.err
    assert "REDCap would refuse: liver: liver_volume is not in the data dictionary" in added.err
    assert "spleen_volume" not in added.err
    assert "of other workflows it would refuse 1 more: `ror redcap check lungs`" in added.err
    measured.rights = frozenset({"export"})
    enabled = home.ror("workflow", "enable", "liver", "--project", "lungs")
    assert "the token may not import" in enabled.err  # which is of all


@pytest.mark.usefixtures("measured")
def test_the_log_says_it_when_a_service_starts(
    home: Home, redcap: RedcapServer, caplog: pytest.LogCaptureFixture
) -> None:
    home.good("project", "add", "hearts", "--redcap-url", redcap.url)  # has no token
    app = App(home.folder)
    with caplog.at_level(logging.WARNING, logger="ror.results.redcap.outlook"):
        app.redcap_outlook.log().join()
    app.close()
    hearts, lungs = (record.getMessage() for record in caplog.records)
    assert hearts.startswith("REDCap of project hearts could not be asked what it would refuse: ")
    told = "REDCap of project lungs would refuse: spleen: spleen_volume is not in the data dictionary ("
    assert lungs.startswith(told)


def test_a_package_that_announces_nothing_is_said_to_be_unchecked(
    home: Home, measured: RedcapServer, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    (older / "Dockerfile").write_text("FROM scratch\n")
    select = "select series from study where series named CT has Modality = CT"
    (older / "select.statement").write_text(json.dumps({"select": select}))
    home.ror("workflow", "disable", "spleen", "--project", "lungs")
    added = home.ror("workflow", "add", str(older), "--project", "lungs", "--no-prepare")
    assert added.code == 0, added.err
    said = home.ror("redcap", "check", "lungs")
    assert (said.code, "not checked, as they announce nothing: older" in said.err) == (0, True)


def test_a_developer_needs_no_home_for_a_dictionary(home: Home, package: Path) -> None:
    rows = csv.DictReader(StringIO(home.good("redcap", "dictionary", str(package), "--form", "organs")))
    wanted = [("record_id", "record"), ("spleen_volume", "organs")]
    assert [(row["Variable / Field Name"], row["Form Name"]) for row in rows] == wanted
    assert not home.folder.exists()


def test_a_dictionary_that_would_delete_other_fields_is_said_to(home: Home, measured: RedcapServer) -> None:
    said = home.ror("redcap", "dictionary", "--project", "lungs")
    assert (said.code, "an upload replaces the whole dictionary" in said.err) == (0, True)


def test_a_dictionary_is_of_a_folder_or_of_a_project(home: Home, package: Path) -> None:
    for words in ((), (str(package), "--project", "lungs"), (str(package), "--merge")):
        assert home.ror("redcap", "dictionary", *words).code == 2
