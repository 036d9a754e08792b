"""Where a host without the shared folder works: it pulls what is whole, brings what it has run, and keeps nothing."""

from __future__ import annotations

import filecmp
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from containers import DockerRuntime, Package
from orthanc import free_port
from ror.away.copies import Copies
from ror.db import tables
from ror.engine import AwayJobs, Executor, Hold, Stager
from ror.errors import JobFailed, ProgramFailed, ServiceUnavailable
from ror.model import JobFolder
from tests.away.conftest import HOST, Away, link_that_breaks
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.serving import eventually


def differing(one: Path, other: Path) -> list[str]:
    """What two folders do not have in common, at any depth."""
    names = sorted({path.relative_to(top).as_posix() for top in (one, other) for path in top.rglob("*")})
    return [
        name
        for name in names
        if not (one / name).is_dir() and not filecmp.cmp(one / name, other / name, shallow=False)
    ]


def folder_of(away: Away) -> JobFolder:
    return away.app.home.job(away.job.id)


def copies(away: Away) -> list[str]:
    """The jobs of which the host has files."""
    root = away.app.home.jobs
    return sorted(one.name for one in root.iterdir() if one.name != ".removed") if root.is_dir() else []


def held_files(away: Away) -> list[Path]:
    """The files of the series, as the gateway holds them."""
    app = away.web.app
    return [app.home.archive / one.path for one in app.index.instances(away.series)]


def at_the_gateway(away: Away) -> JobFolder:
    return away.web.app.home.job(away.job.id)


def test_a_job_is_laid_out_as_it_would_be_in_the_shared_folder(away: Away, tmp_path: Path) -> None:
    assert away.place().stage(away.job) == "1 series, 8 images, from the gateway"
    package = Package.load(tmp_path / "box")
    there = JobFolder(tmp_path / "there")
    volumes = sorted(package.manifest.series_names_needed())
    app = away.web.app
    Stager(app.index, app.home.archive).stage(away.job, there, package.manifest.options, volumes)
    assert differing(folder_of(away).data, there.data) == []
    assert away.app.workflows.package("box", away.job.package_digest).digest == package.digest
    assert [one.name for one in folder_of(away).root.iterdir() if one.name == "pulled"] == []


def test_what_came_whole_before_the_link_broke_is_not_pulled_again(
    away: Away, caplog: pytest.LogCaptureFixture
) -> None:
    away.place().stage(away.job)  # and so has the package
    shutil.rmtree(folder_of(away).root)
    size = max(file.stat().st_size for file in held_files(away))
    with (
        link_that_breaks(away.web.port, 3 * size + 1500) as url,
        pytest.raises(ServiceUnavailable, match="midst"),
    ):
        away.place(url).stage(away.job)
    pulled = folder_of(away).root / "pulled"
    came = len(list(pulled.iterdir()))
    assert 1 <= came <= 3
    assert not (folder_of(away).data / "job.json").exists()
    with caplog.at_level(logging.INFO, "ror.web.reads"):
        caplog.clear()
        assert away.place().stage(away.job).startswith("1 series, 8 images")
    read = [one for one in caplog.messages if " reads " in one]
    assert len(read) == 8 - came
    assert all("objects 1," in one for one in read)


def test_a_password_that_the_user_has_for_the_same_address_is_not_shown_instead_of_the_token(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert away.place().stage(away.job).startswith("1 series, 8 images")


def test_an_object_that_is_not_what_the_index_says_is_never_staged(away: Away) -> None:
    damaged = held_files(away)[0]
    whole = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    place = away.place()
    with pytest.raises(ServiceUnavailable, match="1 of 8 images of a series did not come whole"):
        place.stage(away.job)
    assert not (folder_of(away).data / "job.json").exists()
    damaged.write_bytes(whole)
    assert place.stage(away.job).startswith("1 series, 8 images")


def test_a_series_that_has_grown_ends_its_job(away: Away) -> None:
    with away.web.app.database.write() as connection:
        first = sa.select(tables.instances.c.sop_uid).limit(1).scalar_subquery()
        connection.execute(tables.instances.delete().where(tables.instances.c.sop_uid == first))
    with pytest.raises(JobFailed, match="has changed since it matched"):
        away.place().stage(away.job)


def test_a_program_that_has_ended_is_brought_when_the_gateway_is_there_and_not_run_again(
    away: Away, tmp_path: Path
) -> None:
    place = away.place()
    place.stage(away.job)
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        away.place(f"http://127.0.0.1:{free_port()}").execute(away.job)
    assert not at_the_gateway(away).output.exists()
    log = folder_of(away).log
    began = log.stat().st_mtime_ns
    execution = place.execute(away.job)
    assert log.stat().st_mtime_ns == began
    assert execution.image.runtime == "process"
    assert differing(folder_of(away).output, at_the_gateway(away).output) == []
    assert "a box of" in at_the_gateway(away).log.read_text()
    # What was run before is brought again, whatever has become of the answer.
    shutil.rmtree(at_the_gateway(away).root)
    assert place.execute(away.job) == execution
    assert differing(folder_of(away).output, at_the_gateway(away).output) == []


@pytest.mark.docker
def test_a_container_reads_what_was_pulled_and_what_it_has_written_is_brought(
    away: Away, docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    runtime = DockerRuntime(tmp_path / "docker", BASE_IMAGE)
    execution = replace(away, executor=Executor(runtime, HOST)).place().execute(away.job)
    assert execution.image.runtime == "docker"
    assert execution.image.digest.startswith("sha256:")
    assert (at_the_gateway(away).output / "mask" / "box.nii.gz").is_file()
    assert differing(folder_of(away).output, at_the_gateway(away).output) == []
    assert "a box of" in at_the_gateway(away).log.read_text()


def test_a_job_that_another_host_has_staged_is_staged_here(away: Away) -> None:
    away.place().execute(away.job)
    assert (at_the_gateway(away).output / "output.json").is_file()


def test_a_link_that_breaks_while_the_output_is_brought_leaves_nothing_half(away: Away) -> None:
    away.place().stage(away.job)
    with link_that_breaks(away.web.port, 1) as url, pytest.raises(ServiceUnavailable):
        away.place(url).execute(away.job)
    away.place().execute(away.job)
    assert differing(folder_of(away).output, at_the_gateway(away).output) == []


def test_why_a_program_failed_can_be_read_at_the_gateway(
    package: Path, request: pytest.FixtureRequest
) -> None:
    (package / "box.py").write_text("raise SystemExit('no lungs in it')\n")
    away: Away = request.getfixturevalue("away")
    with pytest.raises(ProgramFailed, match="no lungs in it"):
        away.place().execute(away.job)
    assert "no lungs in it" in at_the_gateway(away).log.read_text()
    assert not at_the_gateway(away).output.exists()


def test_why_a_program_failed_is_kept_where_the_gateway_is_down(
    package: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    (package / "box.py").write_text("raise SystemExit('no lungs in it')\n")
    away: Away = request.getfixturevalue("away")
    away.place().stage(away.job)
    with pytest.raises(ProgramFailed, match="no lungs in it"):
        away.place(f"http://127.0.0.1:{free_port()}").execute(away.job)
    kept = away.app.home.root / "log" / f"{away.job.id}.log"
    assert "no lungs in it" in kept.read_text()
    assert str(kept) in caplog.text


def test_a_program_that_has_written_what_cannot_be_sent_fails_its_job(
    package: Path, request: pytest.FixtureRequest
) -> None:
    (package / "box.py").write_text("import os, sys\nos.mkfifo(sys.argv[2] + '/pipe')\n")
    away: Away = request.getfixturevalue("away")
    with pytest.raises(JobFailed, match="output/pipe is neither file, folder nor link"):
        away.place().execute(away.job)


def test_a_job_that_was_given_away_brings_nothing_in(away: Away) -> None:
    place = away.place()
    place.stage(away.job)
    with away.web.app.database.write() as connection:
        connection.execute(tables.jobs.update().values(attempt=2, host="gpu3"))
    with pytest.raises(ServiceUnavailable, match="given to another host"):
        place.execute(away.job)
    assert not at_the_gateway(away).root.exists()


def test_nothing_of_a_job_stays_when_it_is_handed_over(away: Away) -> None:
    place = away.place()
    with place.open():
        place.execute(away.job)
        assert folder_of(away).data.exists()
        assert place.hand_over(Hold(away.job.id, 1))
        eventually(lambda: copies(away) == [])
    assert not place.hand_over(Hold(away.job.id, 1))
    handed = away.web.app.jobs.get(away.job.id)
    assert (handed.host, handed.attempt) == (None, 2)


def test_nothing_of_a_job_stays_that_went_elsewhere_while_the_host_was_away(away: Away) -> None:
    away.place().stage(away.job)
    with away.place().open():  # it begins again, and the job is its own still
        assert copies(away) == [away.job.id]
    with away.web.app.database.write() as connection:
        connection.execute(tables.jobs.update().values(attempt=2, host="gpu3"))
    with away.place().open():
        eventually(lambda: copies(away) == [])


def test_what_a_job_that_was_given_away_still_works_on_stays_until_it_is_done(away: Away) -> None:
    root = away.app.home.jobs
    copies_kept = Copies(AwayJobs(away.app.database), HOST, root)
    (root / "box-other").mkdir(parents=True)
    with copies_kept.in_hand("box-other"):
        copies_kept.forget_others()
        assert copies(away) == ["box-other"]
    copies_kept.forget_others()
    assert copies(away) == []
