"""The same path with real containers."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from examples.demo.service import Installation
from orthanc import OrthancServer, send
from tests.ror.conftest import hold_program
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = [pytest.mark.docker, pytest.mark.orthanc]


@pytest.fixture
def in_docker(with_pacs: Installation, orthanc_pacs: OrthancServer, docker_host: str) -> Iterator[Serving]:
    """`ror serve` with the Docker runtime."""
    with_pacs.configure("docker", orthanc_pacs.peer, settle_seconds=0.5, base_image=BASE_IMAGE)
    with Serving(with_pacs, {"DOCKER_HOST": docker_host}) as serving:
        yield serving


def test_a_study_takes_the_path_through_a_container(
    in_docker: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    send(in_docker.peer, small_ct(tmp_path / "ct"))
    job = in_docker.installation.ask("jobs", "show", in_docker.job_that_is("succeeded"))
    assert job["image"].startswith("docker:ror/box:")
    assert job["image_digest"].startswith("sha256:")
    assert {series.modality for series in orthanc_pacs.rest.series()} == {"CT", "SEG", "SR"}


def test_a_container_that_survives_the_engine_is_taken_over_not_started_twice(
    in_docker: Serving, docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    hold_program(in_docker.installation, "/output/log/gate", tmp_path / "box")
    send(in_docker.peer, small_ct(tmp_path / "ct"))
    eventually(lambda: list(in_docker.installation.home.glob("jobs/*/output/log/gate.started-*")))
    in_docker.kill()
    in_docker.start()
    eventually(lambda: "taking it over" in log_of(in_docker))
    (started,) = in_docker.installation.home.glob("jobs/*/output/log/gate.started-*")
    (started.parent / "gate").touch()
    in_docker.job_that_is("succeeded")
    assert log_of(in_docker).count("a box of") == 1
    client = docker.DockerClient(base_url=docker_host)
    assert client.containers.list(all=True, filters={"label": "ror.job"}) == []
    client.close()


def log_of(serving: Serving) -> str:
    (job_id,) = serving.jobs()
    log = serving.installation.home / "jobs" / job_id / "log" / "container.log"
    return log.read_text() if log.exists() else ""
