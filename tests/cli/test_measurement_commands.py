"""Commands about the table of measurements: list, export, summary, plot."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from ror.app import App
from ror.engine import JobStore
from ror.model import Job, JobSeries, JobState
from ror.registry import Project
from ror.results import Row
from tests.cli.test_commands import Home, home

__all__ = ["home"]  # the fixture


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
    as_csv = csv.DictReader(StringIO(home.good("measurements", "export")))
    for rows in (as_csv, json.loads(home.good("measurements", "list", "--json"))):
        assert [tuple(row[column] for column in columns) for row in rows] == wanted
    table = home.good("measurements", "list")
    assert all(column.replace("_", " ") in table for column in columns)


def measure(home: Home, workflow: str, version: str, values: list[float | str | None]) -> None:
    """A job for each value, which has measured it as `volume`; None for one that has found nothing."""
    app = App(home.folder)
    store = JobStore(app.database)
    for number, value in enumerate(values):
        series = (JobSeries("CT", f"1.2.{number}", "1.1", "c"),)
        job_id = f"{workflow}-{version}-{number}"
        job = Job(
            job_id, "lungs", workflow, version, "d", f"P-{number}", "1.1", job_id, series, JobState.QUEUED
        )
        with app.database.write() as connection:
            store.create(connection, job)
        store.move(job_id, JobState.RUNNING)
        store.move(job_id, JobState.SUCCEEDED)
        if value is not None:
            app.measurements.replace(job, [Row(job.patient_id, "", "volume", value)], [])
    app.close()


@pytest.fixture
def measured(home: Home) -> None:
    """Two versions of a workflow; the older one was not always lucky."""
    home.good("project", "add", "lungs")
    measure(home, "mask", "1", [1.0, 2.0, 4.0, "none", None])
    measure(home, "mask", "2", [3])


@pytest.mark.usefixtures("measured")
def test_a_summary_counts_what_is_there_and_what_is_missing(home: Home) -> None:
    older, newer = json.loads(home.good("measurements", "summary", "--project", "lungs", "--json"))
    assert (older["version"], older["n"], older["texts"], older["missing"]) == ("1", 3, 1, 1)
    assert [older[name] for name in ("mean", "median", "minimum", "maximum")] == [7 / 3, 2, 1, 4]
    assert older["sd"] == pytest.approx(1.527525)
    assert (newer["n"], newer["mean"], newer["sd"], newer["missing"]) == (1, 3, None, 0)
    assert " 1.5275 " in home.good("measurements", "summary")
    assert home.good("measurements", "summary", "--project", "lungs") == home.good("measurements", "summary")


@pytest.mark.usefixtures("measured")
def test_an_export_has_the_same_rows_in_every_format(home: Home, tmp_path: Path) -> None:
    listed = json.loads(home.good("measurements", "list", "--json"))
    assert json.loads(home.good("measurements", "export", "--format", "json")) == listed
    file = tmp_path / "table.csv"
    home.good("measurements", "export", "--project", "lungs", "-o", str(file))
    rows = list(csv.DictReader(StringIO(file.read_text())))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in listed
    ]


@pytest.mark.usefixtures("measured")
def test_parquet_has_types(home: Home, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="what writes Parquet is not installed (ror-pacs[parquet])")
    file = tmp_path / "it's a table.parquet"
    home.good("measurements", "export", "--format", "parquet", "-o", str(file))
    rows = duckdb.read_parquet(str(file)).order("version, value")
    assert dict(zip(rows.columns, map(str, rows.types), strict=True))["number"] == "DOUBLE"
    assert rows.project("version, value, number, repeat_instance").fetchall() == [
        ("1", "1.0", 1.0, None),
        ("1", "2.0", 2.0, None),
        ("1", "4.0", 4.0, None),
        ("1", "none", None, None),
        ("2", "3", 3.0, None),
    ]


@pytest.mark.usefixtures("measured")
def test_parquet_says_what_it_needs(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    said = home.ror("measurements", "export", "--format", "parquet", "-o", str(tmp_path / "table.parquet"))
    assert (said.code, "pip install 'ror-pacs[parquet]'" in said.err) == (1, True)
    assert home.ror("measurements", "export", "--format", "parquet").code == 2


@pytest.mark.usefixtures("measured")
def test_a_plot_is_a_page_that_loads_nothing(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "volume.html"
    home.good("measurements", "plot", "lungs", "volume", "-o", str(file))
    page = file.read_text()
    assert page.count("<circle") == 4
    assert "<td>1.5275</td>" in page
    assert "src=" not in page and "href=" not in page
    svg = home.good("measurements", "plot", "lungs", "volume")
    home.good("measurements", "plot", "lungs", "volume", "-o", str(tmp_path / "volume.png"))
    assert (tmp_path / "volume.png").read_bytes().startswith(b"\x89PNG")
    assert svg in page


@pytest.mark.usefixtures("measured")
def test_what_cannot_be_plotted_is_told(home: Home, tmp_path: Path) -> None:
    said = home.ror("measurements", "plot", "lungs", "mass")
    assert (said.code, "has no numbers of a field mass" in said.err) == (1, True)
    for name in ("volume.jpg", "volume"):
        assert home.ror("measurements", "plot", "lungs", "volume", "-o", name).code == 2
    nowhere = tmp_path / "nowhere" / "volume.svg"
    said = home.ror("measurements", "plot", "lungs", "volume", "-o", str(nowhere))
    assert (said.code, f"{nowhere} cannot be written" in said.err) == (1, True)
    assert home.ror("measurements", "plot", "hearts", "volume").code == 1
