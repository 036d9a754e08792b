"""What the engine waits for on a full disk, and how it tells the end of a program."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos._utils import retriable_sqlite_exception

from containers import Availability, Ending, Image, Outcome, Package, RunOrder
from containers.runtime import OnLine, Report
from ror.engine import Executor
from ror.engine.checkpoints import checkpoint_engine, server_options
from ror.engine.disk import full_disk_told
from ror.engine.pipeline import _waited_for
from ror.engine.retries import Kind, Retries
from ror.errors import JobFailed, ServiceUnavailable
from ror.model import Job, JobFolder, JobState
from tests.support.disks import small_disk

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
JOB = Job("box-0", "lungs", "box", "1.0.0", "d", "P", "1.1", "k", (), JobState.RUNNING, host="here")
FULL = [errno.ENOSPC, errno.EDQUOT]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with small_disk(tmp_path / "disk") as folder:
        yield folder


class Ends:
    """A runtime whose programs end as told."""

    name = "process"

    def __init__(self, code: int) -> None:
        self._code = code

    def availability(self) -> Availability:
        return Availability(True)

    def prepare(self, package: Package, report: Report = print) -> Image:
        return Image(self.name, "box", package.digest)

    def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
        now = datetime.now(UTC)
        return Outcome(Ending.EXITED, self._code, now, now, f"exit code {self._code}")

    def stop(self, job_id: str) -> bool:
        return False


def execute(folder: Path, code: int) -> None:
    Executor(Ends(code), "here").execute(JOB, JobFolder(folder), Package.load(BOX), {})


def test_an_exit_code_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failed:
        execute(tmp_path, 1)
    assert str(failed.value) == "the program ended with exit code 1"


def test_a_program_that_fails_on_a_full_disk_waits(disk: Path) -> None:
    with pytest.raises(
        ServiceUnavailable, match=f"the disk of {disk} is full: the program ended with exit code 1"
    ):
        execute(disk, 1)
    execute(disk, 0)


@pytest.mark.parametrize("number", FULL)
def test_a_write_without_room_is_told_with_its_folder(number: int) -> None:
    with (
        pytest.raises(ServiceUnavailable, match="the disk of /srv/ror is full"),
        full_disk_told(Path("/srv/ror")),
    ):
        raise OSError(number, "no room")
    with (
        pytest.raises(ServiceUnavailable, match="the disk of /big/jobs is full"),
        full_disk_told(Path("/srv/ror")),
    ):
        raise OSError(number, "no room", "/archive/source", None, "/big/jobs/copy")


def test_any_other_fault_of_a_file_stays_what_it_is() -> None:
    with pytest.raises(FileNotFoundError), full_disk_told(Path("/srv/ror")):
        raise FileNotFoundError(errno.ENOENT, "gone", "/srv/ror/file")


def test_the_durable_engine_waits_for_room_for_its_checkpoints(disk: Path) -> None:
    engine = checkpoint_engine(f"sqlite:///{disk / 'checkpoints.sqlite'}")
    assert engine is not None
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE outcomes (value BLOB)"))
    with pytest.raises(sa.exc.OperationalError) as full, engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO outcomes VALUES (zeroblob(2000000))"))
    assert isinstance(full.value.orig, sqlite3.Error)
    assert "disk is full" in str(full.value)
    assert retriable_sqlite_exception(full.value)
    with pytest.raises(sa.exc.OperationalError, match="no such table") as bug, engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO absent VALUES (1)"))
    assert not retriable_sqlite_exception(bug.value)
    engine.dispose()


def test_a_state_that_the_database_does_not_take_is_written_when_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = {Kind.NOT_THERE: Retries(None, 0.001, 1.0, 0.001)}
    monkeypatch.setattr("ror.engine.pipeline.RETRIES", at_once)
    answers = iter([ServiceUnavailable("the disk is full"), ServiceUnavailable("the disk is full"), True])

    def move() -> bool:
        answer = next(answers)
        if isinstance(answer, ServiceUnavailable):
            raise answer
        return answer

    assert _waited_for(move, "box-0")


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_checkpoints_on_a_server_do_not_wait_for_its_disk_and_keep_what_the_address_says(
    database_url: str,
) -> None:
    address = sa.make_url(database_url).update_query_dict({"options": "-c work_mem=8MB"})
    engine = sa.create_engine(address, **server_options(address.render_as_string(hide_password=False)))
    with engine.connect() as connection:
        said = [
            connection.execute(sa.text(f"SHOW {one}")).scalar() for one in ("synchronous_commit", "work_mem")
        ]
    engine.dispose()
    assert said == ["off", "8MB"]
