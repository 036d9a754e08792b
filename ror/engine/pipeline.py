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

from ror.engine.disk import full_disk_told
from ror.engine.held import RUNS_THE_PROGRAM, HeldJobs, Hold
from ror.engine.jobs import JobStore
from ror.errors import JobFailed, RorError, ServiceUnavailable
from ror.model import JobState

__all__ = ["AwaitsReview", "Stations", "Worker", "durable_job", "workflow_id"]

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 1.0
_WAIT_GROWS = 1.5
_LONGEST_WAIT_SECONDS = 60.0


class Stations(Protocol):
    """The steps of a job. Each finds its input by the job's id and returns one line for people.

    A station raises `ServiceUnavailable` where only waiting helps, and another `RorError` where waiting does not.
    A disk that is full is waited for too. `AwaitsReview` ends the attempt; that of a job whose results were accepted
    begins with the station that has raised it.
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


class AwaitsReview(RorError):
    """Somebody has to look at the results before they are delivered; what it says is for people."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works on a job: its stations, what it notes, and `ready`, called when there is room for another job.

    `home` is the folder that is told as full where the system names none.
    """

    stations: Stations
    jobs: JobStore
    held: HeldJobs
    home: Path
    ready: Callable[[], None]


class _Ended(Exception):
    """The job was cancelled, superseded or given to another host while it ran."""


def workflow_id(hold: Hold) -> str:
    """The durable workflow of one attempt at a job."""
    return f"{hold.job_id}#{hold.attempt}"


def _hold(job_id: str) -> Hold:
    """Which attempt this is: its arguments are those of the first one, whatever it goes on from."""
    return Hold(job_id, int(str(DBOS.workflow_id).rpartition("#")[2]))


def durable_job(worker: Worker) -> Callable[[str], None]:
    """Register the durable workflow of a job with DBOS, which must not be launched yet; returns it."""
    stations = worker.stations

    def checkpoint(station: Callable[[str], str]) -> Callable[[str], None]:
        return _checkpoint(station, worker)

    stage = checkpoint(stations.stage)
    execute = checkpoint(stations.execute)
    collect = checkpoint(stations.collect)
    encode = checkpoint(stations.encode)
    deliver = checkpoint(stations.deliver)
    record = checkpoint(stations.record)

    @DBOS.workflow(name="ror.job")
    def job(job_id: str) -> None:
        hold = _hold(job_id)
        if not _begin(worker, hold):
            return
        try:
            stage(job_id)
            execute(job_id)
            collect(job_id)
            encode(job_id)
            deliver(job_id)
            record(job_id)
        except _Ended:
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


def _checkpoint(station: Callable[[str], str], worker: Worker) -> Callable[[str], None]:
    """One step: repeated while what it needs is not there, told in the table of steps."""
    name = station.__name__

    @DBOS.step(name=f"ror.{name}")
    def attempt(job_id: str, told: str) -> str | None:
        hold = _hold(job_id)
        try:
            with full_disk_told(worker.home):
                _pass(station, worker, hold)
        except ServiceUnavailable as missing:
            if str(missing) != told:
                _log.warning("job %s waits to %s: %s", job_id, name, missing)
            _note_waiting(worker.held, hold, name, missing)
            return str(missing)
        except _Ended:
            # Here, since the durable engine may take no answer any more.
            _log.info("job %s ended early: it was cancelled, superseded or given to another host", job_id)
            raise
        return None

    def until_done(job_id: str) -> None:
        _repeat(lambda told: attempt(job_id, told), DBOS.sleep)

    return until_done


def _repeat(attempt: Callable[[str], str | None], sleep: Callable[[float], None]) -> None:
    """Attempt it, waiting ever longer in between, until nothing is missing; each attempt knows what the last told."""
    wait, told = _WAIT_SECONDS, ""
    while (missing := attempt(told)) is not None:
        told = missing
        sleep(wait)
        wait = _longer(wait)


def _pass(station: Callable[[str], str], worker: Worker, hold: Hold) -> None:
    """Bring a job through one station."""
    name, held = station.__name__, worker.held
    if not held.begin_step(hold, name):
        raise _Ended(hold.job_id)
    try:
        detail = station(hold.job_id)
    except ServiceUnavailable:
        raise
    except AwaitsReview as waiting:
        held.note_step(hold, name, str(waiting), ended=False)
        raise
    except RorError as fault:
        # Stopped from outside, which the station could only see as a failure?
        if not held.note_step(hold, name, str(fault), ended=True, well=False):
            raise _Ended(hold.job_id) from fault
        raise
    if not held.note_step(hold, name, detail, ended=True):
        raise _Ended(hold.job_id)
    if name == RUNS_THE_PROGRAM:
        worker.ready()


def _note_waiting(held: HeldJobs, hold: Hold, step: str, missing: ServiceUnavailable) -> None:
    try:
        held.note_step(hold, step, f"waiting: {missing}", ended=False)
    except ServiceUnavailable:  # it is the database itself that is missing
        _log.warning("job %s: cannot even note that it waits", hold.job_id)


def _begin(worker: Worker, hold: Hold) -> bool:
    """Say that the job runs; False if it has been cancelled, superseded or given to another host meanwhile."""
    return _move(worker, hold, JobState.RUNNING) or _waited_for(
        lambda: worker.held.is_held(hold), hold.job_id
    )


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
    wait = _WAIT_SECONDS
    while True:
        try:
            return act()
        except ServiceUnavailable as missing:
            _log.warning("job %s waits for the database: %s", job_id, missing)
        time.sleep(wait)
        wait = _longer(wait)


def _longer(wait_seconds: float) -> float:
    return min(wait_seconds * _WAIT_GROWS, _LONGEST_WAIT_SECONDS)
