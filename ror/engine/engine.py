"""The engine: matches settled studies, hands queued jobs to DBOS, and stops what is no longer wanted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

from ror.engine.checkpoints import checkpoint_engine
from ror.engine.disk import require_room
from ror.engine.execute import Executor
from ror.engine.jobs import JobStore
from ror.engine.match import Matcher
from ror.engine.pipeline import Stations, durable_job
from ror.errors import ServiceUnavailable
from ror.model import Job

__all__ = ["Engine", "EngineOptions"]

_log = logging.getLogger(__name__)
_QUEUE = "ror.jobs"
_TICK_SECONDS = 0.5
_POLL_SECONDS = 0.1
_AFTER_A_FAULT_SECONDS = 5.0
# Jobs begun by one release are finished by the next, so the version is the pipeline's, not the package's.
_PIPELINE_VERSION = "1"
_UNFINISHED = ("ENQUEUED", "PENDING", "DELAYED")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where jobs lie and DBOS keeps its checkpoints, who this worker is, and how many jobs it has in flight."""

    home: Path
    database_url: str
    executor_id: str
    in_flight: int


class Engine:
    """One per process, as DBOS is."""

    def __init__(
        self,
        options: EngineOptions,
        matcher: Matcher,
        jobs: JobStore,
        stations: Stations,
        executor: Executor,
    ) -> None:
        self._options = options
        self._matcher = matcher
        self._jobs = jobs
        self._stations = stations
        self._executor = executor
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._job: Callable[[str], None] | None = None
        self._checkpoints = checkpoint_engine(options.database_url)

    def start(self) -> None:
        """Recover what was in progress, then match, dispatch and watch until `stop`.

        Raises
        ------
        ServiceUnavailable
            The disk is full: DBOS would wait for room with half of it started.
        """
        require_room(self._options.home)
        config: DBOSConfig = {
            "name": "ror",
            "system_database_url": self._options.database_url,
            "system_database_engine": self._checkpoints,
            "application_version": _PIPELINE_VERSION,
            "executor_id": self._options.executor_id,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        _log_like_all_others()
        self._job = durable_job(self._stations, self._jobs, self._options.home)
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE,
            worker_concurrency=self._options.in_flight,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop; jobs in progress go on with the next start."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        if self._checkpoints is not None:
            self._checkpoints.dispose()

    def wake(self) -> None:
        """Look now: a study has settled."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
            try:
                self._look()
            # Of our database, and of that of the checkpoints.
            except (ServiceUnavailable, sa.exc.OperationalError) as error:
                _log.error("the engine waits: %s", error)
                self._stopping.wait(_AFTER_A_FAULT_SECONDS)
            except Exception:  # noqa: BLE001  a bug met in one study must not end the engine for all others
                _log.exception("internal error; please report it")
                self._stopping.wait(_AFTER_A_FAULT_SECONDS)

    def _look(self) -> None:
        self._matcher.match_settled()
        for job in self._jobs.undispatched():
            self._dispatch(job)
        self._stop_unwanted()

    def _dispatch(self, job: Job) -> None:
        # A repeated dispatch (we died before the mark) is one workflow, since its id is the job's and the attempt's.
        assert self._job is not None
        workflow_id = _workflow_id(job.id, job.attempt)
        with SetWorkflowID(workflow_id):
            failed_at = self._failed_step(job)
            if failed_at is None:
                DBOS.enqueue_workflow(_QUEUE, self._job, job.id)
            else:
                DBOS.fork_workflow(_workflow_id(job.id, job.attempt - 1), failed_at, queue_name=_QUEUE)
        self._jobs.mark_dispatched(job)

    def _failed_step(self, job: Job) -> int | None:
        """The step of the last attempt to go on from: the one that raised, else the one behind the last finished."""
        if job.attempt == 1:
            return None
        steps = DBOS.list_workflow_steps(_workflow_id(job.id, job.attempt - 1))
        failed = [step["function_id"] for step in steps if step["error"] is not None]
        if failed:
            return min(failed)
        return max((step["function_id"] for step in steps), default=0) + 1 if steps else None

    def _stop_unwanted(self) -> None:
        """Stop programs and workflows of jobs that were cancelled or superseded while they ran."""
        self._executor.stop_unless(self._jobs.is_live)
        for workflow in DBOS.list_workflows(
            status=list(_UNFINISHED), name="ror.job", load_input=False, load_output=False
        ):
            if not self._jobs.is_live(workflow.workflow_id.partition("#")[0]):
                DBOS.cancel_workflow(workflow.workflow_id)


def _log_like_all_others() -> None:
    """Let what DBOS says go where our lines go: it would print it to the console, in a form of its own."""
    logger = logging.getLogger("dbos")
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
    logger.addFilter(_no_cancellation)


def _no_cancellation(record: logging.LogRecord) -> bool:
    # A job that was cancelled or superseded ends its workflow so; that is no error to show a traceback of.
    error = record.exc_info[1] if record.exc_info else None
    return not type(error).__name__.endswith("CancelledError")


def _workflow_id(job_id: str, attempt: int) -> str:
    return f"{job_id}#{attempt}"
