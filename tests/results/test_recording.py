"""The last step of a job: the table keeps every measurement, and REDCap none in the place of another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ror.archive import Index, OwnSeries
from ror.config import RedcapSettings
from ror.db import Database
from ror.engine import JobStore
from ror.errors import ConfigurationError
from ror.model import Job, JobFolder, JobSeries, JobState
from ror.registry import CommitmentStore, Project, ProjectStore
from ror.results import (
    FinishedRun,
    Ledger,
    MeasurementStore,
    RedcapOccupied,
    RedcapPlaces,
    Redcaps,
    RedcapUnavailable,
    ResultStations,
    Row,
)
from tests.results.samples import FINISHED, ct_headers, manifest, no_way_back, write_series
from tests.support.redcap_server import Field, RedcapServer

SNR = """
name = "snr"
version = "1"
command = ["python", "snr.py"]
select = "select series from study where series named image has Modality = CT"
[[outputs.measurements]]
field = "snr"
label = "Signal-to-noise ratio"
code = { value = "111787", scheme = "DCM", meaning = "Signal to Noise Ratio" }
unit = { value = "1", scheme = "UCUM", meaning = "no units" }
"""
ROUTINE = Project("lungs")


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    fields = (Field("record_id"), Field("snr", form="images", validation="number"))
    with RedcapServer(fields) as server:
        yield server


@pytest.fixture
def project(
    redcap: RedcapServer, monkeypatch: pytest.MonkeyPatch, database: Database, tmp_path: Path
) -> Project:
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", redcap.token)
    project = Project("lungs", redcap_url=redcap.url)
    ProjectStore(database, tmp_path / "secrets").add(project)
    return project


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> ResultStations:
    redcaps = Redcaps(tmp_path / "secrets", RedcapSettings())
    ledger, measurements, places = Ledger(database), MeasurementStore(database), RedcapPlaces(database)
    return ResultStations(
        Index(database),
        tmp_path,
        ledger,
        measurements,
        places,
        redcaps,
        dict,
        "ROR",
        no_way_back,
        OwnSeries(database, tmp_path),
        CommitmentStore(database),
    )


@pytest.fixture
def run(database: Database, tmp_path: Path) -> Callable[[str, float], FinishedRun]:
    """A run of `snr` on one series of the study, and what it has measured."""

    def finished(name: str, value: float, attempt: str = "", workflow: str = "snr") -> FinishedRun:
        headers = ct_headers((2, 4, 4), name=name)
        folder = JobFolder(tmp_path / (name + attempt))
        files = write_series(headers, folder.data / "input")
        listed = [str(file.relative_to(folder.data)) for file in files]
        (folder.data / "job.json").write_text(json.dumps({"series": [{"name": "image", "files": listed}]}))
        folder.output.mkdir()
        measured = [{"record_id": "P-1", "field_name": "snr", "value": value}]
        (folder.output / "output.json").write_text(json.dumps(measured))
        uid, study = str(headers[0].SeriesInstanceUID), str(headers[0].StudyInstanceUID)
        series = (JobSeries("image", uid, study, name + attempt),)
        job = Job(
            f"{workflow}-{name}{attempt}",
            "lungs",
            workflow,
            "1",
            "d",
            "P-1",
            study,
            uid,
            series,
            JobState.RUNNING,
        )
        with database.write() as connection:
            JobStore(database).create(connection, job)
        return FinishedRun(job, folder, manifest(SNR), "", FINISHED)

    return finished


def recorded(database: Database) -> dict[str, str]:
    return {one.series_uid: one.value for one in MeasurementStore(database).list()}


def test_series_of_one_study_have_an_instance_each(
    database: Database, stations: ResultStations, project: Project, redcap: RedcapServer, run
) -> None:
    repeating = Project("lungs", redcap_url=redcap.url, redcap_repeat_instrument="images")
    redcap.repeating = frozenset({("", "images")})
    runs = [run(f"S{number}", number) for number in (1, 2, 3, 4)]
    for one in (*runs, runs[1]):  # the second runs once more
        assert stations.record(one, repeating, []) == "1 measurement, 1 REDCap record"
    stations.record(run("S3", 30, attempt="-grown"), repeating, [runs[2].job.id])
    assert redcap.records == {
        ("P-1", "", "images", 1): {"snr": "1"},
        ("P-1", "", "images", 2): {"snr": "2"},
        ("P-1", "", "images", 3): {"snr": "30"},
        ("P-1", "", "images", 4): {"snr": "4"},
    }
    listed = MeasurementStore(database).list()
    assert {(one.series_uid, one.repeat_instrument, one.repeat_instance) for one in listed} == {
        (one.job.match_key, "images", number) for number, one in enumerate(runs, start=1)
    }


def test_what_redcap_has_not_taken_yet_keeps_its_instance(
    stations: ResultStations, project: Project, redcap: RedcapServer, run
) -> None:
    repeating = Project("lungs", redcap_url=redcap.url, redcap_repeat_instrument="images")
    redcap.repeating = frozenset({("", "images")})
    first, second = run("S1", 1), run("S2", 2)
    redcap.down = 503
    with pytest.raises(RedcapUnavailable):
        stations.record(first, repeating, [])
    redcap.down = None
    stations.record(second, repeating, [])
    stations.record(first, repeating, [])
    assert redcap.records[("P-1", "", "images", 1)] == {"snr": "1"}
    assert redcap.records[("P-1", "", "images", 2)] == {"snr": "2"}


def test_without_an_instrument_nothing_is_overwritten_and_nothing_lost(
    database: Database, stations: ResultStations, project: Project, redcap: RedcapServer, run
) -> None:
    first, second = run("S1", 1), run("S2", 2)
    stations.record(first, project, [])
    for _ in range(2):
        with pytest.raises(RedcapOccupied, match=r"snr of job snr-S1, .* is not overwritten"):
            stations.record(second, project, [])
    stations.record(first, project, [])
    assert redcap.records == {("P-1", "", "", None): {"snr": "1"}}
    assert recorded(database) == {first.job.match_key: "1", second.job.match_key: "2"}


def test_what_another_workflow_has_sent_is_not_overwritten(
    stations: ResultStations, project: Project, redcap: RedcapServer, run
) -> None:
    repeating = Project("lungs", redcap_url=redcap.url, redcap_repeat_instrument="images")
    redcap.repeating = frozenset({("", "images")})
    stations.record(run("S1", 1), repeating, [])
    with pytest.raises(RedcapOccupied, match="snr of job snr-S1"):
        stations.record(run("S1", 2, attempt="-again", workflow="noise"), repeating, [])
    assert redcap.records == {("P-1", "", "images", 1): {"snr": "1"}}


def test_a_project_without_redcap_keeps_all_in_its_table(
    database: Database, stations: ResultStations, project: Project, run
) -> None:
    runs = [run("S1", 1), run("S2", 2)]
    for one in runs:
        assert stations.record(one, ROUTINE, []) == "1 measurement"
    assert recorded(database) == {one.job.match_key: one.job.id[-1] for one in runs}


def test_without_a_token_no_place_is_taken(
    stations: ResultStations, project: Project, redcap: RedcapServer, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROR_REDCAP_TOKEN_LUNGS")
    with pytest.raises(ConfigurationError, match="there is no token"):
        stations.record(run("S1", 1), project, [])
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", redcap.token)
    stations.record(run("S2", 2), project, [])
    assert redcap.records == {("P-1", "", "", None): {"snr": "2"}}


def test_a_row_that_a_program_gives_twice_is_kept_once(database: Database, project: Project, run) -> None:
    job, store = run("S1", 1).job, MeasurementStore(database)
    store.replace(job, [Row("P-1", "", "snr", 1), Row("P-1", "", "snr", 2)], [])
    assert [one.value for one in store.list()] == ["2"]
