"""The engine of a worker: matches settled studies, places jobs, hands its own to DBOS, and stops what is unwanted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

from ror.engine.beating import Beating
from ror.engine.capacity import Host
from ror.engine.checkpoints import checkpoint_engine, server_options
from ror.engine.disk import require_room
from ror.engine.execute import Executor
from ror.engine.held import Hold
from ror.engine.hosts import HostStore
from ror.engine.match import Matcher
from ror.engine.pipeline import Worker, durable_job, workflow_id
from ror.engine.placing import Placer
from ror.errors import ServiceUnavailable
from ror.model import Job

__all__ = ["Engine", "EngineOptions"]

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.5
# So that the jobs of the first begin while others are matched.
_MATCHED_AT_ONCE = 8
# While another worker places jobs, which takes some milliseconds.
_TURN_SECONDS = 0.02
# Only an attempt behind an earlier one waits for it; each look costs as much as a step of a job.
_POLL_SECONDS = 1.0
_AFTER_A_FAULT_SECONDS = 5.0
# Jobs begun by one release are finished by the next, so the version is the pipeline's, not the package's.
_PIPELINE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where DBOS keeps its checkpoints, which host this worker is, and how often it says that it is there."""

    home: Path
    database_url: str
    host: Host
    beat_seconds: float


class Engine:
    """One per process, as DBOS is.

    Without a matcher and a placer, on a host that has no packages to ask, it leaves that to the others.
    """

    def __init__(
        self,
        options: EngineOptions,
        matcher: Matcher | None,
        hosts: HostStore,
        placer: Placer | None,
        executor: Executor,
        worker: Callable[[Callable[[], None]], Worker],
    ) -> None:
        self._options = options
        self._matcher = matcher
        self._hosts = hosts
        self._placer = placer
        self._executor = executor
        self._worker = worker(self._ready)
        self._queue = f"ror.jobs.{options.host.name}"
        self._beating = Beating(hosts, options.host, options.beat_seconds)
        self._wake = threading.Event()
        self._settled = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._job: Callable[[str], None] | None = None
        self._checkpoints = checkpoint_engine(options.database_url)

    def start(self) -> None:
        """Join the other hosts, take up what was in progress, then match, place and watch until `stop`.

        Raises
        ------
        ServiceUnavailable
            The disk is full: DBOS would wait for room with half of it started.
        """
        require_room(self._options.home)
        joins = self._hosts.join(self._options.host, self._options.beat_seconds)
        config: DBOSConfig = {
            "name": "ror",
            "system_database_url": self._options.database_url,
            "system_database_engine": self._checkpoints,
            "db_engine_kwargs": server_options(self._options.database_url),
            "application_version": _PIPELINE_VERSION,
            # Each life has an id of its own: we take up our jobs ourselves, those of a lost host, too.
            "executor_id": f"{self._options.host.name}:{joins}",
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        _log_like_all_others()
        self._job = durable_job(self._worker)
        DBOS.listen_queues([self._queue])  # what goes on; what begins is begun at once
        DBOS.launch()
        DBOS.register_queue(self._queue, polling_interval_sec=_POLL_SECONDS, on_conflict="always_update")
        self._beating.start()
        self._settled.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop; jobs in progress go on with the next start."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._beating.stop()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        if self._checkpoints is not None:
            self._checkpoints.dispose()

    def wake(self) -> None:
        """Look now: a study has settled."""
        self._settled.set()
        self._wake.set()

    def _ready(self) -> None:
        """Place now: there is room for another job."""
        self._wake.set()

    def _run(self) -> None:
        wait, looked_at = 0.0, 0.0
        while not self._stopping.is_set():
            self._wake.wait(wait)
            self._wake.clear()
            wait = _TICK_SECONDS
            try:
                if self._settled.is_set() or time.monotonic() >= looked_at + _TICK_SECONDS:
                    looked_at = time.monotonic()
                    self._settled.clear()
                    if self._matcher is not None and self._matcher.match_some(_MATCHED_AT_ONCE):
                        self._settled.set()
                        wait = 0.0
                    self._stop_unwanted()
                if self._placer is not None and not self._placer.place(judge=self._beating.is_steady()):
                    wait = min(wait, _TURN_SECONDS)
                for job in self._worker.held.undispatched(self._options.host.name):
                    self._dispatch(job)
            # Of our database, and of that of the checkpoints.
            except (ServiceUnavailable, sa.exc.OperationalError) as error:
                _log.error("the engine waits: %s", error)
                self._stopping.wait(_AFTER_A_FAULT_SECONDS)
            except Exception:  # noqa: BLE001  a bug met in one study must not end the engine for all others
                _log.exception("internal error; please report it")
                self._stopping.wait(_AFTER_A_FAULT_SECONDS)

    def _dispatch(self, job: Job) -> None:
        # A repeated dispatch (we died before the mark) is one workflow, since its id is the job's and the attempt's.
        assert self._job is not None
        earlier = self._earlier(job)
        with SetWorkflowID(workflow_id(Hold(job.id, job.attempt))):
            if earlier is None:
                DBOS.start_workflow(self._job, job.id)
            else:
                DBOS.fork_workflow(*earlier, queue_name=self._queue)
        for attempt in range(1, job.attempt):  # whoever still had one can record no step any more
            DBOS.cancel_workflow(workflow_id(Hold(job.id, attempt)))
        self._worker.held.mark_dispatched(job)

    def _earlier(self, job: Job) -> tuple[str, int] | None:
        """The latest attempt that has come anywhere, and the step to go on from.

        That is the one that raised, else the one behind the last finished.
        """
        for attempt in range(job.attempt - 1, job.first_attempt - 1, -1):
            earlier = workflow_id(Hold(job.id, attempt))
            if steps := DBOS.list_workflow_steps(earlier):
                failed = [step["function_id"] for step in steps if step["error"] is not None]
                return earlier, min(failed) if failed else max(step["function_id"] for step in steps) + 1
        return None

    def _stop_unwanted(self) -> None:
        """Stop programs of jobs that were cancelled, superseded or given to another host while they ran."""
        running = self._executor.running()
        if running:
            wanted = self._worker.held.attempts(running)
            for job_id, attempt in running.items():
                if wanted.get(job_id) != attempt:
                    self._executor.stop(job_id)


def _log_like_all_others() -> None:
    """Let what DBOS says go where our lines go: it would print it to the console, in a form of its own."""
    logger = logging.getLogger("dbos")
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
    logger.addFilter(_no_cancellation)


def _no_cancellation(record: logging.LogRecord) -> bool:
    # A job that goes on as another attempt, or elsewhere, ends the workflow of its former one; that is no fault.
    error = record.exc_info[1] if record.exc_info else None
    told = record.getMessage()
    ended = "was cancelled during execution" in told or "no longer owned by this execution" in told
    return not ended and not type(error).__name__.endswith("CancelledError")
