"""What gave up: the failed jobs, each with what it has failed on, until somebody retries or cancels it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ror.engine.job_rows import JobRow, JobStep
from ror.engine.jobs import JobStore
from ror.engine.last_line import last_lines_of
from ror.model import JobState

__all__ = ["DeadLetter", "find_dead_letters"]

_LINES = 5


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that gave up, at which step (None if it had not begun), and the last lines that its program has printed."""

    row: JobRow
    step: JobStep | None
    log: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it gave up."""
        return self.row.reason


def find_dead_letters(
    jobs: JobStore, log_of: Callable[[str], Path], project: str | None = None, workflow: str | None = None
) -> list[DeadLetter]:
    """The failed jobs, or those of a project or workflow, the latest first; `log_of` says where the log of one is."""
    rows = jobs.find(project, JobState.FAILED)
    return [
        DeadLetter(row, row.steps[-1] if row.steps else None, last_lines_of(log_of(row.job.id), _LINES))
        for row in rows
        if workflow in (None, row.job.workflow)
    ]
