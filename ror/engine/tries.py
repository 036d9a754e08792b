"""One step of a job as a checkpoint: tried until it is done or gives up, and told in the table of steps.

Each try is a step of the durable engine, and so is the wait between two of them. What it returns is remembered there
by releases before and after this one: nothing but plain values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dbos import DBOS

from ror.engine.disk import full_disk_told
from ror.engine.held import RUNS_THE_PROGRAM, HeldJobs, Hold
from ror.engine.retries import RETRIES, Kind, kind_of, retries_of
from ror.errors import JobFailed, RorError, ServiceUnavailable

__all__ = ["AwaitsReview", "Ended", "Tries", "checkpoint", "hold_of"]

_log = logging.getLogger(__name__)
_NOT_THERE = RETRIES[Kind.NOT_THERE]
# Why a try has failed, and how long (seconds) the next one waits; None when it is done. The first release remembers
# the reason alone.
Setback: TypeAlias = "tuple[str, float] | str | None"


class AwaitsReview(RorError):
    """Somebody has to look at the results before they are delivered; what it says is for people."""


class Ended(Exception):
    """The job was cancelled, superseded or given to another host while it ran."""


@dataclass(frozen=True, slots=True)
class Tries:
    """A station of the pipeline, and what of a worker (`ror.engine.pipeline.Worker`) its tries need."""

    station: Callable[[str], str]
    held: HeldJobs
    home: Path
    ready: Callable[[], None]

    @property
    def step(self) -> str:
        """The name of the step."""
        return self.station.__name__


def hold_of(job_id: str) -> Hold:
    """Which attempt runs: the arguments of its workflow are those of the first one, whatever it goes on from."""
    return Hold(job_id, int(str(DBOS.workflow_id).rpartition("#")[2]))


def checkpoint(tries: Tries) -> Callable[[str], None]:
    """Register a step with DBOS; what is returned, called in a workflow, tries it until it is done, or raises."""

    @DBOS.step(name=f"ror.{tries.step}")
    def one_try(job_id: str, told: str, failed: int) -> Setback:
        hold = hold_of(job_id)
        try:
            return _try(tries, hold, told)
        except ServiceUnavailable as missing:  # it is the database itself that is missing
            _log.warning("job %s: cannot even note that it waits: %s", job_id, missing)
            return str(missing), _NOT_THERE.wait_seconds(failed)
        except Ended:
            # Here, since the durable engine may take no answer any more.
            _log.info("job %s ended early: it was cancelled, superseded or given to another host", job_id)
            raise

    def until_done(job_id: str) -> None:
        _repeat(lambda told, failed: one_try(job_id, told, failed), DBOS.sleep)

    return until_done


def _repeat(one_try: Callable[[str, int], Setback], sleep: Callable[[float], None]) -> None:
    """Try it, waiting in between, until it is done; each try knows what the last told, and which it is."""
    told, failed = "", 1
    while (setback := one_try(told, failed)) is not None:
        told, wait = (setback, _NOT_THERE.wait_seconds(failed)) if isinstance(setback, str) else setback
        failed += 1
        sleep(wait)


def _try(tries: Tries, hold: Hold, told: str) -> Setback:
    """Try to bring a job through one station.

    Raises
    ------
    Ended
        The job is no longer held.
    RorError
        As the station, where that gives up.
    ServiceUnavailable
        What became of it cannot be written.
    """
    begun = tries.held.begin_step(hold, tries.step)
    if begun is None:
        raise Ended(hold.job_id)
    try:
        if begun.lost and (pause := _after_loss(tries, hold, begun.lost)):
            return pause
        with full_disk_told(tries.home):
            detail = tries.station(hold.job_id)
    except AwaitsReview as waiting:
        tries.held.note_step(hold, tries.step, str(waiting), ended=False)
        raise
    except RorError as fault:
        return _after(fault, tries, hold, told)
    if not tries.held.note_step(hold, tries.step, detail, ended=True):
        raise Ended(hold.job_id)
    if tries.step == RUNS_THE_PROGRAM:
        tries.ready()
    return None


def _after(fault: RorError, tries: Tries, hold: Hold, told: str) -> Setback:
    """What follows a failure: another try, or the end of the job, which raises."""
    kind, step = kind_of(fault), tries.step
    does = "waiting" if kind is Kind.NOT_THERE else "tries again"
    wait = tries.held.note_setback(hold, step, kind, f"{does}: {fault}", retries_of(fault))
    if wait is not None:
        if str(fault) != told:
            _log.warning("job %s waits to %s: %s", hold.job_id, step, fault)
        return str(fault), wait
    # Stopped from outside, which the station could only see as a failure?
    if not tries.held.note_step(hold, step, str(fault), ended=True, well=False):
        raise Ended(hold.job_id) from fault
    raise fault


def _after_loss(tries: Tries, hold: Hold, lost: int) -> Setback:
    """What follows tries that have died with their worker, which the step itself may be the reason of."""
    retries, step = RETRIES[Kind.HOST_LOST], tries.step
    if not retries.allow(lost):
        raise JobFailed(
            f"its worker, or host, was lost {lost} times at the step {step}",
            f"it may be the job that ends them: see `ror jobs logs {hold.job_id}`",
        )
    wait = retries.wait_seconds(lost)
    if not wait:
        return None
    told = f"tries again: its worker, or host, was lost {lost} times at this step"
    _log.warning("job %s waits to %s: %s", hold.job_id, step, told)
    tries.held.note_pause(hold, step, told, wait)
    return told, wait
