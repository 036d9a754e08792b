"""What becomes of a matched study, on one page: stage → execute → collect → encode → deliver → record.

Each step is a checkpoint of the durable engine: after a crash the job goes on behind its last finished step, and the
unfinished one runs again, which is harmless, since whatever a step makes has an identity derived from the job's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dbos import DBOS

from ror.engine.held import HeldJobs, Hold
from ror.engine.jobs import JobStore
from ror.engine.retries import RETRIES, Kind
from ror.engine.tries import AwaitsReview, Ended, Tries, checkpoint, hold_of
from ror.errors import JobFailed, RorError, ServiceUnavailable
from ror.log_json import about_job
from ror.model import JobState

__all__ = ["AwaitsReview", "Stations", "Worker", "durable_job", "workflow_id"]

_log = logging.getLogger(__name__)


class Stations(Protocol):
    """The steps of a job. Each finds its input by the job's id and returns one line for people.

    What becomes of an error that a station raises is told by the table in `ror.engine.retries`: where only waiting
    helps (`ServiceUnavailable`, or a disk that is full) it waits, else it is tried again, or gives up. `AwaitsReview`
    ends the attempt; that of a job whose results were accepted begins with the station that has raised it.
    """

    def stage(self, job_id: str) -> str:
        """Lay out the job folder from the archive."""

    def execute(self, job_id: str) -> str:
        """Run the container."""

    def collect(self, job_id: str) -> str:
        """Check what it has written against the manifest."""

    def encode(self, job_id: str) -> str:
        """Make DICOM objects of it."""

    def deliver(self, job_id: str) -> str:
        """Send them to the project's PACS."""

    def record(self, job_id: str) -> str:
        """Write the measurements into the table and REDCap, in place of those that they supersede."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works on a job: its stations, what it notes, and `ready`, called when there is room for another job.

    `home` is the folder that is told as full where the system names none. `hand_over`, of a host without the folder
    that hosts share, gives a job whose program has ended to one that has it.
    """

    stations: Stations
    jobs: JobStore
    held: HeldJobs
    home: Path
    ready: Callable[[], None]
    hand_over: Callable[[Hold], bool] | None = None


def workflow_id(hold: Hold) -> str:
    """The durable workflow of one attempt at a job."""
    return f"{hold.job_id}#{hold.attempt}"


def durable_job(worker: Worker) -> Callable[[str], None]:
    """Register the durable workflow of a job with DBOS, which must not be launched yet; returns it."""
    stations = worker.stations

    def step(station: Callable[[str], str]) -> Callable[[str], None]:
        return checkpoint(Tries(station, worker.held, worker.home, worker.ready))

    stage = step(stations.stage)
    execute = step(stations.execute)
    collect = step(stations.collect)
    encode = step(stations.encode)
    deliver = step(stations.deliver)
    record = step(stations.record)

    @DBOS.workflow(name="ror.job")
    @about_job
    def job(job_id: str) -> None:
        hold = hold_of(job_id)
        if not _begin(worker, hold):
            return
        try:
            stage(job_id)
            execute(job_id)
            if _handed_over(worker, hold):
                return
            collect(job_id)
            encode(job_id)
            deliver(job_id)
            record(job_id)
        except Ended:
            pass  # it has been told
        except AwaitsReview:  # it holds no place while it waits: whoever accepts it makes a new attempt
            _move(worker, hold, JobState.REVIEW)
            _log.info("job %s is in review", job_id)
        except RorError as fault:
            _fail(worker, hold, fault)  # told in two lines; only bugs keep their traceback
        except Exception as bug:
            told = f"internal error: {type(bug).__name__}: {bug}"
            _fail(worker, hold, JobFailed(told, "please report it with the log"))
            raise
        else:
            if _move(worker, hold, JobState.SUCCEEDED):
                _log.info("job %s succeeded", job_id)

    return job


def _begin(worker: Worker, hold: Hold) -> bool:
    """Say that the job runs; False if it has been cancelled, superseded or given to another host meanwhile."""
    return _move(worker, hold, JobState.RUNNING) or _waited_for(
        lambda: worker.held.is_held(hold), hold.job_id
    )


def _handed_over(worker: Worker, hold: Hold) -> bool:
    """Whether it goes on elsewhere from here: behind the run, as another attempt."""
    hand_over = worker.hand_over
    if hand_over is None:
        return False
    if _waited_for(lambda: hand_over(hold), hold.job_id):
        _log.info("job %s goes on where the shared folder is", hold.job_id)
    return True


def _fail(worker: Worker, hold: Hold, fault: RorError) -> None:
    advice = f" ({fault.advice})" if fault.advice else ""
    _move(worker, hold, JobState.FAILED, f"{fault}{advice}")
    worker.ready()
    kind = "failed" if isinstance(fault, JobFailed) else f"failed ({type(fault).__name__})"
    _log.error("job %s %s: %s", hold.job_id, kind, fault)


def _move(worker: Worker, hold: Hold, to: JobState, detail: str = "") -> bool:
    return _waited_for(lambda: worker.jobs.move(hold.job_id, to, detail, attempt=hold.attempt), hold.job_id)


def _waited_for(act: Callable[[], bool], job_id: str) -> bool:
    """Do what needs only the database, once it is there: a job whose state was not written would never end.

    It sleeps without a checkpoint, since a replay that need not wait must count the same steps.
    """
    failed = 0
    while True:
        try:
            return act()
        except ServiceUnavailable as missing:
            _log.warning("job %s waits for the database: %s", job_id, missing)
        failed += 1
        time.sleep(RETRIES[Kind.NOT_THERE].wait_seconds(failed))
