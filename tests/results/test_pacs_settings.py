"""Delivery goes by the PACS that `ror.toml` names at that moment."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from ror import config
from ror.archive import Index, OwnSeries
from ror.config import RedcapSettings
from ror.db import Database
from ror.errors import ConfigurationError, ServiceUnavailable
from ror.model import Job, JobFolder, JobState
from ror.registry import CommitmentStore, Project
from ror.results import FinishedRun, Ledger, MeasurementStore, RedcapPlaces, Redcaps, ResultStations
from tests.results.samples import FINISHED, manifest, no_way_back

PROJECT = Project("lungs", pacs=("research",))
RESEARCH = '[pacs.research]\nhost = "127.0.0.1"\nport = 104\nae_title = "P"\nimages = false\n'


@pytest.fixture
def stations(database: Database, tmp_path: Path) -> ResultStations:
    redcaps = Redcaps(tmp_path, RedcapSettings())
    ledger, measurements, places = Ledger(database), MeasurementStore(database), RedcapPlaces(database)
    pacs = partial(config.read_pacs, tmp_path, {})
    return ResultStations(
        Index(database),
        tmp_path,
        ledger,
        measurements,
        places,
        redcaps,
        pacs,
        "ROR",
        no_way_back,
        OwnSeries(database, tmp_path),
        CommitmentStore(database),
    )


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    """A run that made no object, so that nothing has to be sent."""
    job = Job("organs-1", "lungs", "organs", "1", "d", "P-1", "1.1", "k", (), JobState.RUNNING)
    return FinishedRun(job, JobFolder(tmp_path / "job"), manifest(), "", FINISHED)


def test_a_section_that_is_added_while_jobs_run_counts(
    stations: ResultStations, run: FinishedRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"no section \[pacs\.research\]") as refused:
        stations.deliver(run, PROJECT, [])
    assert "retry the job" in refused.value.advice
    (tmp_path / "ror.toml").write_text(RESEARCH)
    assert stations.deliver(run, PROJECT, []) == "research: 0 images, 0 results"


def test_jobs_wait_while_the_file_is_wrong(
    stations: ResultStations, run: FinishedRun, tmp_path: Path
) -> None:
    for text in (RESEARCH.replace("104", "0"), "[pacs.research"):
        (tmp_path / "ror.toml").write_text(text)
        with pytest.raises(ServiceUnavailable, match=r"ror\.toml|pacs\.research\.port") as waits:
            stations.deliver(run, PROJECT, [])
        assert waits.value.advice.startswith("it is read again")
    assert stations.deliver(run, Project("lungs"), []) == "the project has no PACS"
