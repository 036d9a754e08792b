"""Running a staged job in its container, on this host."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from containers import (
    ContainersError,
    Ending,
    Image,
    Limits,
    Outcome,
    Package,
    RunOrder,
    Runtime,
    RuntimeUnavailable,
)
from ror.engine.disk import is_full
from ror.engine.last_line import last_line_of
from ror.engine.own_output import own_output
from ror.engine.staged_input import require_input
from ror.errors import JobFailed, OutOfMemory, ProgramFailed, ServiceUnavailable
from ror.model import Job, JobFolder

__all__ = ["Execution", "Executor"]

_LIMITS = "[resources] of workflow.toml"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Execution:
    """What ran, and how long (seconds)."""

    image: Image
    seconds: float


class Executor:
    """Runs jobs through one container runtime, under the name of one host.

    How many at once, and which card each gets, was decided when the job was placed.
    """

    def __init__(self, runtime: Runtime, host: str) -> None:
        self._runtime = runtime
        self._host = host
        self._running: dict[str, int] = {}

    def execute(
        self, job: Job, folder: JobFolder, package: Package, options: Mapping[str, object]
    ) -> Execution:
        """Run the workflow on the staged folder.

        Raises
        ------
        ProgramFailed, OutOfMemory
            The program ended with an error, or was ended for its memory.
        JobFailed
            It was ended for its time, or has changed its input, or its image cannot be built.
        ServiceUnavailable
            The container runtime does not answer, or has lost sight of the program, or something failed on a full disk;
            or the job is another host's by now.
        """
        if job.host != self._host:
            raise ServiceUnavailable(f"the job was given to {job.host or 'nobody'} meanwhile")
        try:
            image = self._runtime.prepare(package, report=_log.info)
            with self._noted(job):
                order = self._order(job, folder, package, image, options)
                outcome = self._runtime.run(order)
        except RuntimeUnavailable as error:
            raise ServiceUnavailable(str(error)) from error
        except ContainersError as error:
            raise _on_full_disk(folder, str(error)) or JobFailed(str(error)) from error
        if outcome.ending is Ending.LOST:
            raise ServiceUnavailable(f"the program's end is not known: {outcome.detail}")
        if outcome.ending is not Ending.EXITED or outcome.exit_code != 0:
            fault = _failed(outcome, order, f"see `ror jobs logs {job.id}`")
            raise _on_full_disk(folder, str(fault)) or fault
        require_input(folder)
        return Execution(image, (outcome.ended_at - outcome.started_at).total_seconds())

    def running(self) -> Mapping[str, int]:
        """The jobs whose programs run on this host, each with its attempt."""
        return dict(self._running)

    def stop(self, job_id: str) -> None:
        """Stop a program that is no longer wanted."""
        self._runtime.stop(job_id)

    @contextmanager
    def _noted(self, job: Job) -> Iterator[None]:
        self._running[job.id] = job.attempt
        try:
            yield
        finally:
            del self._running[job.id]

    def _order(
        self, job: Job, folder: JobFolder, package: Package, image: Image, options: Mapping[str, object]
    ) -> RunOrder:
        folder.log.parent.mkdir(parents=True, exist_ok=True)
        return RunOrder(
            job_id=job.id,
            package=package,
            image=image,
            data_dir=folder.data,
            output_dir=own_output(folder, self._host),
            options=options,
            limits=Limits.of(package.manifest.resources),
            log_path=folder.log,
            gpus=() if job.gpu is None else (job.gpu,),
        )


def _failed(outcome: Outcome, order: RunOrder, advice: str) -> JobFailed:
    match outcome.ending:
        case Ending.TIMED_OUT:
            return JobFailed(f"{outcome.detail} ({_LIMITS}: timeout_s)", advice)
        case Ending.OUT_OF_MEMORY:
            return OutOfMemory(f"{outcome.detail} ({_LIMITS}: memory_mib)", advice)
        case Ending.TOO_MUCH_OUTPUT:
            return JobFailed(f"{outcome.detail} ({_LIMITS}: output_mib)", advice)
        case Ending.STOPPED:
            return JobFailed("stopped", advice)
        case _:
            last_line = last_line_of(order.log_path)
            told = f"the program ended with {outcome.detail}{f': {last_line}' if last_line else ''}"
            return ProgramFailed(told, advice, order.package.manifest.retries)


def _on_full_disk(folder: JobFolder, reason: str) -> ServiceUnavailable | None:
    """A failure on a full disk says nothing of the program: it runs again when there is room."""
    if not is_full(folder.root):
        return None
    return ServiceUnavailable(
        f"the disk of {folder.root} is full: {reason}", "make room; the job goes on by itself"
    )
