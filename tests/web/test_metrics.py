"""``/metrics``: read by the parsers of Prometheus, without a token and without a patient, from where it may be."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from prometheus_client import Metric
from prometheus_client.core import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from ror.app import App
from ror.config import read
from ror.db import Database, tables
from ror.engine import Gpu, Host, JobStore, Timings
from ror.errors import ConfigurationError
from ror.gateway import Fate, Tally, TallyLine
from ror.model import JobState
from ror.web.metrics_now import Now
from ror.web.metrics_since import Ended, Objects
from tests.anonymizer.planted import part10
from tests.engine.test_jobs import a_job
from tests.engine.test_timings import delivered, made, took
from tests.web.conftest import Web, multipart, serving_at
from tests.web.test_stow import files, slices

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
NAME = re.compile(r"ror(_[a-z]+)*")


def scrape(web: Web, path: str = "/metrics", **headers: str) -> requests.Response:
    said = OPENMETRICS | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"http://127.0.0.1:{web.port}{path}", headers=said, timeout=300)


def families(text: str) -> dict[str, Metric]:
    return {one.name: one for one in openmetrics(text)}


def told(collector: Any) -> dict[tuple[str, ...], float]:
    """The samples of a collector, by name and the values of their labels, which are in alphabetical order."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    parsed = openmetrics(generate_latest(registry).decode())
    return {
        (one.name, *dict(sorted(one.labels.items())).values()): one.value
        for family in parsed
        for one in family.samples
    }


# -- as it is asked for -----------------------------------------------------------------------------------------------


def test_what_comes_in_is_counted_by_its_route_and_read_by_prometheus(web: Web) -> None:
    web.post(multipart(*files(2)))
    web.post(multipart(*files(1), part10(slices(1, PatientID="")[0])))
    answered = scrape(web)
    assert answered.status_code == 200
    assert answered.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    samples = {
        (one.labels["project"], one.labels["fate"], one.labels["reason"]): one.value
        for one in families(answered.text)["ror_objects"].samples
        if one.name == "ror_objects_total"
    }
    assert samples[("lungs", "filed", "")] == 2
    assert samples[("lungs", "held", "")] == 1
    assert sum(samples.values()) == 4
    assert any(fate == "quarantined" and reason for _project, fate, reason in samples)


def test_every_family_has_a_help_and_a_name_as_the_standard_wants_it(web: Web) -> None:
    text = scrape(web).text
    assert text.endswith("# EOF\n")
    for family in families(text).values():
        assert NAME.fullmatch(family.name), family.name
        assert family.documentation.endswith("."), family.name
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket")), family.name
        for unit in ("seconds", "bytes"):
            assert family.name.endswith(f"_{unit}") == (family.unit == unit), family.name
        assert all(math.isfinite(one.value) and one.value >= 0 for one in family.samples)
    assert {"ror", "ror_jobs", "ror_database_latency_seconds", "ror_disk_free_bytes"} <= set(families(text))


def test_who_knows_only_the_older_text_gets_that(web: Web) -> None:
    answered = scrape(web, Accept="text/plain")
    assert answered.headers["Content-Type"].startswith("text/plain; version=")
    assert "ror_jobs_ended" in {one.name for one in plain_text(answered.text)}


def test_nothing_of_a_patient_is_told(web: Web) -> None:
    web.post(multipart(*files(1, PatientName="Qzabcd^Planted", PatientID="QZ1234")))
    (study,) = web.app.index.studies("lungs")
    text = scrape(web).text
    for secret in ("Qzabcd", "QZ1234", study.study_uid, study.patient_id):
        assert secret not in text


# -- who may ask ------------------------------------------------------------------------------------------------------


def test_other_resources_still_want_a_token(web: Web) -> None:
    assert scrape(web, "/dicom-web/studies").status_code == 401
    assert scrape(web, "/metrics/more").status_code == 401


@pytest.mark.parametrize("header", ["Forwarded", "X_Forwarded_For", "Via"])
def test_what_comes_through_a_proxy_is_refused(web: Web, header: str) -> None:
    assert scrape(web, **{header: "192.0.2.1"}).status_code == 403


def test_only_who_is_named_may_ask(tmp_path: Path, migrated_sqlite: Path) -> None:
    with serving_at(tmp_path, migrated_sqlite, 'metrics_from = ["192.0.2.0/24"]') as web:
        assert scrape(web).status_code == 403


def test_nothing_can_be_posted_there(web: Web) -> None:
    answered = requests.post(f"http://127.0.0.1:{web.port}/metrics", timeout=300)
    assert (answered.status_code, answered.headers["Allow"]) == (405, "GET, HEAD")


def test_who_may_ask_is_checked_when_the_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "ror.toml").write_text('[web]\nmetrics_from = ["10.1.2.3/8"]')
    with pytest.raises(ConfigurationError, match=r"web\.metrics_from"):
        read(tmp_path, {})
    (tmp_path / "ror.toml").write_text("")
    given = read(tmp_path, {"ROR_WEB__METRICS_FROM": "10.1.2.3, 10.2.0.0/16"})
    assert given.web.metrics_from == ["10.1.2.3/32", "10.2.0.0/16"]


# -- what is told -----------------------------------------------------------------------------------------------------


@pytest.fixture
def jobs(database: Database) -> JobStore:
    row = {"name": "lungs", "settings": {}, "created_at": 0.0}
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(row))
    return JobStore(database)


@pytest.fixture
def job(database: Database, jobs: JobStore) -> str:
    queued = a_job()
    with database.write() as connection:
        jobs.create(connection, queued)
    return queued.id


def change(database: Database, **values: object) -> None:
    with database.write() as connection:
        connection.execute(tables.jobs.update().values(values))


@pytest.fixture
def clock() -> Iterator[Callable[[float], float]]:
    """A clock that shows what it was last set to, at first 1000 s."""
    shown = [1000.0]

    def look(at: float = 0.0) -> float:
        shown[0] = at or shown[0]
        return shown[0]

    yield look


def test_each_end_of_a_job_counts_once(database: Database, job: str, clock: Callable[..., float]) -> None:
    ended = Ended(database, Timings(database), clock)
    key = ("ror_jobs_ended_total", "lungs", "failed", "box")
    assert key not in told(ended)
    change(database, state=JobState.FAILED, ended_at=1010.0)
    for at in (1020.0, 1035.0, 1200.0):
        clock(at)
        assert told(ended)[key] == 1
    change(database, ended_at=1205.0)  # retried, in vain
    clock(1210.0)
    assert told(ended)[key] == 2


def test_an_end_that_is_committed_late_counts_and_one_from_before_does_not(
    database: Database, jobs: JobStore, job: str, clock: Callable[..., float]
) -> None:
    change(database, state=JobState.FAILED, ended_at=999.0)
    ended = Ended(database, Timings(database), clock)
    clock(1060.0)
    assert ("ror_jobs_ended_total", "lungs", "failed", "box") not in told(ended)
    change(database, ended_at=1001.0)
    clock(1061.0)
    assert told(ended)[("ror_jobs_ended_total", "lungs", "failed", "box")] == 1


def test_hops_starts_retries_and_deliveries_of_ended_jobs_are_counted(
    database: Database, job: str, clock: Callable[..., float]
) -> None:
    ended = Ended(database, Timings(database), clock)
    change(database, created_at=1000.0)
    told(ended)
    took(database, job, "stage", 1002.0, 1003.0)
    took(database, job, "execute", 1003.0, 1042.0)
    change(database, state=JobState.SUCCEEDED, ended_at=1050.0, attempt=2)
    made(database, job, "9.1")
    made(database, job, "9.2")
    for sop_uid in ("9.1", "9.2"):
        delivered(database, sop_uid, 1049.0, None)
    clock(1055.0)
    for _ in range(2):  # the second time nothing is new
        samples = told(ended)
        assert samples[("ror_container_starts_total", "lungs", "box")] == 1
        assert samples[("ror_job_retries_total", "lungs", "box")] == 1
        assert samples[("ror_deliveries_total", "pacs")] == 2
        assert samples[("ror_job_hop_seconds_count", "finished", "box")] == 1
        assert samples[("ror_job_hop_seconds_sum", "finished", "box")] == 40.0
        assert samples[("ror_job_hop_seconds_bucket", "finished", "30.0", "box")] == 0
        assert samples[("ror_job_hop_seconds_bucket", "finished", "60.0", "box")] == 1
        assert samples[("ror_job_hop_seconds_bucket", "started", "3.0", "box")] == 1


def test_a_job_that_was_queued_again_counts_before_it_begins(
    database: Database, job: str, clock: Callable[..., float]
) -> None:
    ended = Ended(database, Timings(database), clock)
    told(ended)
    change(database, state=JobState.QUEUED, attempt=2)
    for _ in range(2):
        assert told(ended)[("ror_job_retries_total", "lungs", "box")] == 1


def test_objects_are_told_as_they_were_counted() -> None:
    tally = Tally()
    for reason in ("unlisted_patient", "unlisted_patient"):
        tally.add(TallyLine("lungs", "CT*", "ROR", Fate.QUARANTINED, reason))
    assert told(Objects(tally)) == {
        ("ror_objects_total", "ROR", "CT*", "quarantined", "lungs", "unlisted_patient"): 2
    }


def test_hosts_tell_what_they_have_and_what_is_asked_of_them(database_url: str, tmp_path: Path) -> None:
    app = App(tmp_path / "home", overruled={"ROR_DATABASE__URL": database_url})
    card = Gpu("GPU-1", 8192)
    app.hosts.join(Host("gpu2", slots=4, cpus=8.0, memory_mib=1024, gpus=(card,)), 5.0)
    samples = told(Now(app))
    assert samples[("ror_host_up", "gpu2")] == 1
    assert samples[("ror_host_slots", "gpu2")] == 4
    assert samples[("ror_host_slots_asked", "gpu2")] == 0
    assert samples[("ror_host_memory_bytes", "gpu2")] == 2**30
    assert samples[("ror_gpu_memory_bytes", "GPU-1", "gpu2")] == 8 * 2**30
    assert samples[("ror_gpu_memory_asked_bytes", "GPU-1", "gpu2")] == 0
    assert samples[("ror_studies", "receiving")] == samples[("ror_study_age_seconds", "settled")] == 0
    app.close()


# -- what it costs ----------------------------------------------------------------------------------------------------


def fill(app: App, number: int, **values: object) -> None:
    """Have so many jobs that ended long ago, or as `values` say, each with a study that was matched."""
    job = a_job()
    row: dict[str, object] = {
        "project": "lungs",
        "workflow": "box",
        "version": "1",
        "package_digest": job.package_digest,
        "patient_id": "P",
        "study_uid": "1.1",
        "match_key": "k",
        "series": [],
        "state": JobState.SUCCEEDED,
        "attempt": 1,
        "dispatched_attempt": 1,
        "first_attempt": 1,
        "detail": "",
        "image": "",
        "image_digest": "",
        "created_at": 1.0,
        "placed_at": 1.5,
        "ended_at": 2.0,
        "host": "main",
    } | values
    study = {"project": "lungs", "patient_id": "P", "first_received_at": 1.0, "last_received_at": 1.0}
    with app.database.write() as connection:
        connection.execute(
            tables.projects.insert().values({"name": "lungs", "settings": {}, "created_at": 0.0})
        )
        connection.execute(tables.jobs.insert(), [row | {"id": f"box-{n}"} for n in range(number)])
        connection.execute(
            tables.studies.insert(),
            [study | {"study_uid": f"1.{n}", "state": "matched"} for n in range(number)],
        )


def instructions(folder: Path, number: int, *, queued: bool = False) -> int:
    """How much the virtual machine of SQLite does for a scrape, in tens of instructions, beside so many jobs.

    Of those that are `queued`, which have to be counted, only for what has happened.
    """
    app = App(folder)
    fill(app, number, **({"state": JobState.QUEUED, "ended_at": None, "host": None} if queued else {}))
    since = Ended(app.database, app.timings)
    collectors = [since] if queued else [Now(app), since]
    for one in collectors:
        told(one)
    done = [0]

    def count() -> None:
        done[0] += 1

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(count, 10)

    sa.event.listen(app.database._engine, "checkout", watch)
    for one in collectors:
        told(one)
    app.close()
    return done[0]


def test_a_scrape_does_as_much_beside_twenty_thousand_jobs_as_beside_twenty(tmp_path: Path) -> None:
    few, many = instructions(tmp_path / "few", 20), instructions(tmp_path / "many", 20_000)
    assert few > 0
    # It differs by a little, since what has used hosts lately is asked only now and then; one for each job is far more.
    assert many <= few + 50


def test_jobs_that_wait_for_their_first_attempt_are_not_looked_at(tmp_path: Path) -> None:
    few = instructions(tmp_path / "few", 20, queued=True)
    many = instructions(tmp_path / "many", 20_000, queued=True)
    assert 0 < many <= few + 50
