"""Commands about measurements and where they go: a project's REDCap, and the table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest

from ror.app import App
from ror.engine import JobStore
from ror.model import Job, JobSeries, JobState
from ror.registry import Project
from ror.results import Row
from tests.cli.test_commands import Home, home
from tests.support.redcap_server import TOKEN, Field, RedcapServer

__all__ = ["home"]  # the fixture

URL = "https://redcap.example.org/api/"


# -- ror project ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Lungs"), "would be that of project lungs: ROR_REDCAP_TOKEN_LUNGS"),
        (("add", "heads", "--redcap-url", "http://redcap.example.org/api/"), "use https"),
        (("change", "lungs", "--redcap-url", "https://redcap.example.org/"), "not the URL"),
        (("change", "lungs", "--redcap-repeat-instrument", "Image 1"), "not the unique name"),
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


# -- ror measurements -------------------------------------------------------------------------------------------------


@pytest.fixture
def four_series_measured(home: Home) -> None:
    """A study whose four series were measured one by one, and then three of them together."""
    home.settings("")
    app = App(home.folder)
    app.projects.add(Project("lungs"))
    store = JobStore(app.database)
    series = [JobSeries("image", f"1.2.{number}", "1.1", "c") for number in range(4)]
    together = (*(replace(one, name="CT") for one in series[:2]), replace(series[3], name="PET"))
    matches = [("snr", one.series_uid, (one,)) for one in series] + [("fusion", "1.1", together)]
    with app.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO studies (study_uid, project, patient_id, state, first_received_at, last_received_at)"
            " VALUES ('1.1', 'lungs', 'P', 'matched', 0, 0)"
        )
        for number, one in enumerate(series):
            described = json.dumps({"SeriesDescription": [f"T{number}"]})
            row = f"('{one.series_uid}', '1.1', '', '{described}')"
            connection.exec_driver_sql(
                f"INSERT INTO series (series_uid, study_uid, attributes_of, attributes) VALUES {row}"
            )
    for workflow, key, named in matches:
        job_id = f"{workflow}-{key}"
        job = Job(job_id, "lungs", workflow, "1", "d", "P", "1.1", key, named, JobState.QUEUED)
        with app.database.write() as connection:
            store.create(connection, job)
        app.measurements.replace(job, [Row("P", "", workflow, 1)], [])
    app.close()


@pytest.mark.usefixtures("four_series_measured")
def test_measurements_say_which_series_they_are_of(home: Home) -> None:
    wanted = [("fusion", "", "CT, PET", "")]
    wanted += [("snr", f"1.2.{number}", "image", f"T{number}") for number in range(4)]
    columns = ("workflow", "series_uid", "series_names", "series_description")
    as_csv = csv.DictReader(StringIO(home.good("measurements", "--csv")))
    for rows in (as_csv, json.loads(home.good("measurements", "--json"))):
        assert [tuple(row[column] for column in columns) for row in rows] == wanted
    table = home.good("measurements")
    assert all(column.replace("_", " ") in table for column in columns)


# -- ror doctor -------------------------------------------------------------------------------------------------------


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    with RedcapServer([Field("record_id")]) as server:
        yield server


def examined(home: Home, project: str) -> tuple[bool, str]:
    """Whether the doctor finds the REDCap of a project well, and what it says of it."""
    said = home.ror("doctor")
    assert TOKEN not in said.out + said.err
    _, _, told = said.out.partition(f"REDCap {project}: ")
    assert told, said
    lines = told.splitlines()
    well = f"ok    REDCap {project}: " in said.out
    assert well or (said.code == 1 and lines[1].startswith("      → "))
    return well, lines[0]


def test_the_doctor_asks_the_redcap_of_each_project(
    home: Home, redcap: RedcapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.good("project", "add", "knee-mr", "--redcap-url", redcap.url)
    home.good("project", "add", "lungs")
    assert "REDCap lungs" not in home.ror("doctor").out
    assert examined(home, "knee-mr") == (False, "ROR_REDCAP_TOKEN_KNEE_MR is not set")
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", "a word")
    well, told = examined(home, "knee-mr")
    assert (well, "a word" in told, "32 hexadecimal digits" in told) == (False, False, True)
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", TOKEN[::-1])
    assert examined(home, "knee-mr") == (False, "refuses: You do not have permissions to use the API")
    monkeypatch.setenv("ROR_REDCAP_TOKEN_KNEE_MR", TOKEN)
    assert examined(home, "knee-mr") == (True, f"{redcap.url} answers (REDCap 14.5.0)")
    redcap.down = 503
    assert examined(home, "knee-mr") == (False, "REDCap answers 503")
