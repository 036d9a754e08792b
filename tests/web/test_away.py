"""What hosts without the shared folder may ask for, and what they may bring: by token, by job, by attempt."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from containers import Package
from ror import __version__
from ror.db import tables
from ror.engine import AwayJobs, Hold
from ror.model import Job, JobFolder, JobSeries, JobState
from ror.packing import Packed, entries_of, unpack
from tests.support.serving import eventually
from tests.web.conftest import Web, serving_at
from tests.web.images import SERIES, STUDY, image, ramp, shelve

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.fixture
def web(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Web]:
    with serving_at(tmp_path, migrated_sqlite, patience_seconds=30) as web:
        yield web


@pytest.fixture
def gpu2(web: Web) -> str:
    """The token of a host."""
    return web.app.tokens.add_host("gpu2", "gpu2")


def job_on(web: Web, host: str, folder: Path = BOX) -> Job:
    """A job of the workflow `box` that a host has been given."""
    package = web.app.workflows.add("lungs", folder)
    job = Job(
        id=f"box-{host}",
        project="lungs",
        workflow="box",
        version="1.0.0",
        package_digest=package.digest,
        patient_id="P",
        study_uid=STUDY,
        match_key=host,
        series=(JobSeries("CT", SERIES, STUDY, "content"),),
        state=JobState.QUEUED,
    )
    with web.app.database.write() as connection:
        web.app.jobs.create(connection, job)
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(host=host))
    return web.app.jobs.get(job.id)


def change(web: Web, job: Job, **values: object) -> None:
    with web.app.database.write() as connection:
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(values))


def ask(web: Web, token: str, path: str, method: str = "GET", **more: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "Accept": OBJECTS, **more.pop("headers", {})}  # type: ignore[dict-item]
    url = f"http://127.0.0.1:{web.port}{path}"
    return requests.request(method, url, headers=headers, timeout=300, **more)  # type: ignore[arg-type]


def bring(
    web: Web, token: str, job: Job, body: bytes, *, attempt: int = 1, digest: str | None = None
) -> requests.Response:
    sent = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {"Content-Digest": f"sha-256=:{sent}:" if digest is None else digest}
    return ask(web, token, f"/jobs/{job.id}/output?attempt={attempt}", "PUT", data=body, headers=headers)


def archive(folder: Path, output: dict[str, str], log: str = "") -> bytes:
    """What a host brings."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "output").mkdir(parents=True)
    for name, text in output.items():
        (folder / "output" / name).write_text(text)
    entries: Sequence[tuple[str, Path]] = entries_of(folder / "output", "output")
    if log:
        (folder / "container.log").write_text(log)
        entries = [*entries, ("log/container.log", folder / "container.log")]
    return b"".join(Packed(entries))


def written(folder: JobFolder) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.output.iterdir()}


def nothing_is_left(web: Web) -> bool:
    return not list(web.app.home.coming.glob("*"))


def test_a_host_is_told_who_it_is_and_by_which_release(web: Web, gpu2: str) -> None:
    assert ask(web, gpu2, "/jobs").json() == {"host": "gpu2", "release": __version__}


@pytest.mark.parametrize("path", ["/jobs", "/jobs/box-gpu2/package"])
def test_nobody_else_asks_for_what_hosts_do(web: Web, path: str) -> None:
    assert ask(web, web.read, path).status_code == 403
    assert ask(web, "ror_unknown", path).status_code == 401
    assert ask(web, web.store, "/jobs/box-gpu2/output?attempt=1", "PUT", data=b"x").status_code == 403


def test_a_host_reads_the_series_of_its_jobs_and_nothing_else(web: Web, gpu2: str) -> None:
    path = shelve(web, image(ramp()))
    series = f"/dicom-web{path.rpartition('/instances/')[0]}"
    assert ask(web, gpu2, series).status_code == 403
    job = job_on(web, "gpu2")
    for wanted in (series, f"/dicom-web{path}"):
        assert ask(web, gpu2, wanted).status_code == 200
    study = series.rpartition("/series/")[0]
    beyond = [study, f"{series}/metadata", f"{study}/series/1.2.3", "/dicom-web/studies", f"{series}/../.."]
    assert {ask(web, gpu2, one).status_code for one in beyond} == {403}
    assert ask(web, web.app.tokens.add_host("gpu3", "gpu3"), series).status_code == 403
    change(web, job, released_at=1.0)
    assert ask(web, gpu2, series).status_code == 403


def test_a_host_may_neither_store_nor_submit(web: Web, gpu2: str) -> None:
    job_on(web, "gpu2")
    assert ask(web, gpu2, "/dicom-web/studies", "POST", data=b"x").status_code == 403
    assert ask(web, gpu2, "/workflows", "POST", data=b"x").status_code == 403


def test_the_package_of_a_job_comes_as_it_was_installed(web: Web, gpu2: str, tmp_path: Path) -> None:
    job = job_on(web, "gpu2")
    got = ask(web, gpu2, f"/jobs/{job.id}/package")
    (tmp_path / "archive").write_bytes(got.content)
    unpack(tmp_path / "archive", tmp_path / "package", 10**6, 100)
    assert Package.load(tmp_path / "package").digest == job.package_digest
    assert ask(web, gpu2, f"/jobs/{job_on(web, 'gpu3').id}/package").status_code == 409


def test_what_a_host_brings_is_where_the_shared_folder_would_have_it_as_often_as_it_comes(
    web: Web, gpu2: str, tmp_path: Path
) -> None:
    job = job_on(web, "gpu2")
    folder = web.app.home.job(job.id)
    first = archive(tmp_path / "a", {"output.json": "[]", "old": "x"}, log="begun")
    for _ in range(2):
        assert bring(web, gpu2, job, first).status_code == 204
        assert written(folder) == {"output.json": "[]", "old": "x"}
        assert folder.log.read_text() == "begun"
    assert bring(web, gpu2, job, archive(tmp_path / "a", {"output.json": "[1]"})).status_code == 204
    assert written(folder) == {"output.json": "[1]"}
    assert nothing_is_left(web)


def test_the_log_of_a_program_that_failed_comes_alone(web: Web, gpu2: str, tmp_path: Path) -> None:
    job = job_on(web, "gpu2")
    (tmp_path / "log").write_text("it failed")
    body = b"".join(Packed([("log/container.log", tmp_path / "log")]))
    assert bring(web, gpu2, job, body).status_code == 204
    assert web.app.home.job(job.id).log.read_text() == "it failed"
    assert not web.app.home.job(job.id).output.exists()


@pytest.mark.parametrize(
    "values",
    [{"attempt": 2}, {"host": "gpu3"}, {"host": None}, {"state": JobState.CANCELLED}],
    ids=["another attempt", "another host", "no host", "cancelled"],
)
def test_a_host_that_was_lost_brings_nothing_in(
    web: Web, gpu2: str, tmp_path: Path, values: dict[str, object]
) -> None:
    job = job_on(web, "gpu2")
    change(web, job, **values)
    refused = bring(web, gpu2, job, archive(tmp_path / "a", {"output.json": "[]"}))
    assert (refused.status_code, "given to another host" in refused.text) == (409, True)
    assert not web.app.home.job(job.id).root.exists()


def test_a_job_that_is_given_away_while_its_output_comes_keeps_what_it_had(
    web: Web, gpu2: str, tmp_path: Path
) -> None:
    job = job_on(web, "gpu2")
    body = archive(tmp_path / "a", {"output.json": "[]"})

    def slowly() -> Iterator[bytes]:
        yield body[:512]
        eventually(lambda: list(web.app.home.coming.glob("*")))  # it is this host's when it begins
        change(web, job, attempt=2, host="gpu3")
        yield body[512:]

    sent = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {"Content-Digest": f"sha-256=:{sent}:"}
    refused = ask(web, gpu2, f"/jobs/{job.id}/output?attempt=1", "PUT", data=slowly(), headers=headers)
    assert refused.status_code == 409
    assert not web.app.home.job(job.id).root.exists()
    assert nothing_is_left(web)


def test_what_comes_otherwise_than_it_was_sent_is_to_be_sent_again(
    web: Web, gpu2: str, tmp_path: Path
) -> None:
    job = job_on(web, "gpu2")
    body = archive(tmp_path / "a", {"output.json": "[]"})
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert bring(web, gpu2, job, body, digest=f"sha-256=:{other}:").status_code == 503
    assert bring(web, gpu2, job, body, digest="md5=:abc:").status_code == 400
    assert ask(web, gpu2, f"/jobs/{job.id}/output", "PUT", data=body).status_code == 400
    assert not web.app.home.job(job.id).root.exists()
    assert nothing_is_left(web)


def test_an_archive_that_leads_out_of_the_job_is_refused(web: Web, gpu2: str) -> None:
    job = job_on(web, "gpu2")
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../../evil"), BytesIO())
    assert bring(web, gpu2, job, buffer.getvalue()).status_code == 400
    assert nothing_is_left(web)
    assert not list(web.app.home.root.rglob("evil"))


@pytest.mark.parametrize("told", [True, False], ids=["with its length", "without"])
def test_more_than_the_workflow_may_write_is_refused(
    web: Web, gpu2: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr("ror.web.away._BESIDES", 0)
    package = shutil.copytree(BOX, tmp_path / "box")
    manifest = (package / "workflow.toml").read_text()
    (package / "workflow.toml").write_text(manifest.replace("[resources]", "[resources]\noutput_mib = 1"))
    job = job_on(web, "gpu2", package)
    body = archive(tmp_path / "a", {"large": "x" * 2**20})
    sent = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {"Content-Digest": f"sha-256=:{sent}:"}
    path = f"/jobs/{job.id}/output?attempt=1"
    data = body if told else iter([body])
    refused = ask(web, gpu2, path, "PUT", data=data, headers=headers)
    assert (refused.status_code, "output_mib" in refused.text) == (413, True)
    assert nothing_is_left(web)
    assert bring(web, gpu2, job, archive(tmp_path / "a", {"small": "x"})).status_code == 204


def test_an_output_waits_for_room_on_the_disk(web: Web, gpu2: str, tmp_path: Path) -> None:
    job = job_on(web, "gpu2")
    listener = web.app.settings.listener.model_copy(update={"reserve_mib": 10**9})
    web.app.settings = web.app.settings.model_copy(update={"listener": listener})
    full = bring(web, gpu2, job, archive(tmp_path / "a", {"output.json": "[]"}))
    assert (full.status_code, "too full" in full.text) == (507, True)


def test_a_job_is_handed_over_once(web: Web) -> None:
    job = job_on(web, "gpu2")
    jobs = AwayJobs(web.app.database)
    assert jobs.of_host("gpu2") == {job.id}
    assert jobs.hand_over(Hold(job.id, 1))
    assert not jobs.hand_over(Hold(job.id, 1))
    handed = web.app.jobs.get(job.id)
    assert (handed.state, handed.host, handed.attempt) == (JobState.QUEUED, None, 2)
    assert jobs.of_host("gpu2") == frozenset()
    with web.app.database.read() as connection:
        assert connection.execute(sa.select(tables.jobs.c.first_attempt)).scalar() == 1
