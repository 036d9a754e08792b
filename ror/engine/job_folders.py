"""The folders of jobs that are no longer needed. A job whose folder is gone begins anew when it is retried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ror.archive import Aside
from ror.db import Database, in_batches, tables
from ror.model import JobFolder, JobState

__all__ = ["NEEDED", "EndedJob", "JobFolders"]

NEEDED: Final = (JobState.QUEUED, JobState.RUNNING, JobState.REVIEW)
"""The states of jobs that work with their folder, or will."""
_jobs = tables.jobs.c


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that has ended (seconds since the epoch), and has a folder still."""

    job_id: str
    project: str
    pseudonym: str
    state: JobState
    ended_at: float
    folder: JobFolder


class JobFolders:
    """The folders below `root`, one for each job."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root
        self._aside = Aside(root)

    def ended(self) -> list[EndedJob]:
        """The jobs that have ended and have a folder, the first that ended first."""
        rows = self._rows(entry.name for entry in self._root.iterdir()) if self._root.is_dir() else iter(())
        ended = [
            EndedJob(
                row.id,
                row.project,
                row.patient_id,
                JobState(row.state),
                # One that was superseded before it had run has not ended by itself.
                row.ended_at or row.created_at,
                JobFolder(self._root / row.id),
            )
            for row in rows
            if row.state not in NEEDED
        ]
        return sorted(ended, key=lambda job: job.ended_at)

    def remove(self, job_id: str, note: Callable[[sa.Connection], None]) -> bool:
        """Remove the folder of a job; False, and nothing is changed, if it is needed, for somebody has retried it.

        `note` tells of it, in the same transaction.
        """
        with self._database.write() as connection:
            query = sa.select(_jobs.state).where(_jobs.id == job_id).with_for_update()
            state = connection.execute(query).scalar()
            if state in NEEDED:
                return False
            anew = tables.jobs.update().where(_jobs.id == job_id).values(first_attempt=_jobs.attempt + 1)
            connection.execute(anew)
            self.set_aside(job_id)
            note(connection)
        self.empty()
        return True

    def set_aside(self, job_id: str) -> None:
        """Let a job have no folder any more; `empty` deletes what it was."""
        self._aside.take(self._root / job_id)

    def empty(self) -> None:
        """Delete the files of what was removed; `OSError` where that is refused."""
        self._aside.empty()

    def _rows(self, job_ids: Iterable[str]) -> Iterator[Any]:
        columns = (_jobs.id, _jobs.project, _jobs.patient_id, _jobs.state, _jobs.ended_at, _jobs.created_at)
        with self._database.read() as connection:
            for some in in_batches(job_ids):
                yield from connection.execute(sa.select(*columns).where(_jobs.id.in_(some)))
