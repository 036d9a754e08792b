"""What people decide on the results of jobs: accepted or rejected, by whom, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import NotAllowed
from ror.model import Job, JobState
from ror.registry import add_record, caller

__all__ = ["Decision", "ReviewStore", "Tally"]

_reviews, _jobs = tables.reviews.c, tables.jobs.c
# Each result step of a job asks this; made anew, it would take longer than its answer.
_OF_JOB = (
    sa.select(tables.reviews).where(_reviews.job_id == sa.bindparam("of_job")).order_by(_reviews.id.desc())
)


class _Jobs(Protocol):
    """Who moves jobs from state to state."""

    def requeue(self, connection: sa.Connection, job_id: str) -> bool: ...

    def move(
        self, job_id: str, to: JobState, detail: str = "", connection: sa.Connection | None = None
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody has decided on the results of a job.

    Attributes
    ----------
    who
        The user of the system, who answers for it.
    reader
        In whose name; "" for their own.
    corrections
        UIDs of the corrected segmentations that take the place of masks.
    """

    job_id: str
    accepted: bool
    who: str
    reader: str
    note: str
    corrections: tuple[str, ...]
    decided_at: float


@dataclass(frozen=True, slots=True)
class Tally:
    """How the results of one version of a workflow were judged: how many jobs wait, and how the others ended."""

    project: str
    workflow: str
    version: str
    waiting: int
    accepted: int
    corrected: int
    rejected: int


class ReviewStore:
    """Reads and writes the table reviews; each decision goes on record together with what it does to the job."""

    def __init__(self, database: Database, jobs: _Jobs) -> None:
        self._database = database
        self._jobs = jobs

    def accept(self, job: Job, reader: str, note: str, corrections: Sequence[str]) -> None:
        """Let the results of a job be delivered, with the corrections in place of its masks.

        Raises
        ------
        NotAllowed
            The job is neither in review nor rejected.
        """
        with self._database.write() as connection:
            if not self._jobs.requeue(connection, job.id):
                raise _not_now(job, "only results in review, or rejected ones, can be accepted")
            self._note(connection, job, True, reader, note, corrections)

    def reject(self, job: Job, reader: str, note: str) -> None:
        """End a job whose results are not to be delivered.

        Raises
        ------
        NotAllowed
            The job is not in review.
        """
        told = f"rejected by {reader or caller()}{f': {note}' if note else ''}"
        with self._database.write() as connection:
            if not self._jobs.move(job.id, JobState.REJECTED, told, connection):
                raise _not_now(job, "only results in review can be rejected")
            self._note(connection, job, False, reader, note, ())

    def _note(
        self,
        connection: sa.Connection,
        job: Job,
        accepted: bool,
        reader: str,
        note: str,
        corrections: Sequence[str],
    ) -> None:
        values = {
            "job_id": job.id,
            "accepted": accepted,
            "who": caller(),
            "reader": reader,
            "note": note,
            "corrections": list(corrections),
            "decided_at": time.time(),
        }
        connection.execute(tables.reviews.insert().values(values))
        action = "accept results" if accepted else "reject results"
        corrected = f", {len(corrections)} masks corrected" if corrections else ""
        add_record(connection, action, job.project, job.patient_id, f"job {job.id}{corrected}")

    def decision(self, job_id: str) -> Decision | None:
        """The latest decision on a job, if there is one."""
        return next(iter(self.decisions(job_id)), None)

    def decisions(self, job_id: str) -> list[Decision]:
        """All decisions on a job, the latest first."""
        with self._database.read() as connection:
            return [
                Decision(
                    row.job_id,
                    row.accepted,
                    row.who,
                    row.reader,
                    row.note,
                    tuple(row.corrections),
                    row.decided_at,
                )
                for row in connection.execute(_OF_JOB, {"of_job": job_id})
            ]

    def tallies(self, project: str | None = None) -> list[Tally]:
        """How the results of each version of a workflow were judged; those that were superseded since count, too."""
        latest = sa.select(sa.func.max(_reviews.id)).group_by(_reviews.job_id)
        decided = sa.select(tables.reviews).where(_reviews.id.in_(latest)).subquery()
        query = (
            sa.select(_jobs.project, _jobs.workflow, _jobs.version, _jobs.state, decided.c.accepted)
            .add_columns(decided.c.corrections)
            .join_from(tables.jobs, decided, decided.c.job_id == _jobs.id, isouter=True)
            .where((_jobs.state == JobState.REVIEW) | decided.c.id.is_not(None))
            .order_by(_jobs.project, _jobs.workflow, _jobs.version)
        )
        if project is not None:
            query = query.where(_jobs.project == project)
        counted: dict[tuple[str, str, str], list[str]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                of = counted.setdefault((row.project, row.workflow, row.version), [])
                of.append(_judged(row))
        return [
            Tally(*of, *(judged.count(kind) for kind in ("waiting", "accepted", "corrected", "rejected")))
            for of, judged in counted.items()
        ]


def _judged(row: sa.Row[tuple[object, ...]]) -> str:
    if row.state == JobState.REVIEW:
        return "waiting"
    if not row.accepted:
        return "rejected"
    return "corrected" if row.corrections else "accepted"


def _not_now(job: Job, advice: str) -> NotAllowed:
    return NotAllowed(f"job {job.id} is {job.state}", advice)
