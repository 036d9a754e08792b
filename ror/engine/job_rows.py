"""What the tables say of jobs: the jobs themselves, their times, the image that ran them, and their steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ror.db import in_batches, tables
from ror.model import STEPS, Job, JobSeries, JobState

__all__ = ["ExecutedJob", "JobRow", "JobStep", "job_of", "rows_of"]

_steps = tables.job_steps
# Made anew, it would take longer than its answer.
_STEPS_OF = sa.select(_steps).where(_steps.c.job_id.in_(sa.bindparam("of_jobs", expanding=True)))


@dataclass(frozen=True, slots=True)
class JobStep:
    """When a step of a job began and ended (seconds since the epoch), and what it said.

    `setbacks` counts the tries that have failed since the job was last queued, by how (`ror.engine.retries.Kind`);
    `next_at` is when the next one begins, where it waits for that.
    """

    step: str
    started_at: float
    ended_at: float | None
    detail: str
    setbacks: Mapping[str, int] = field(default_factory=dict)
    next_at: float | None = None

    @property
    def tries(self) -> int:
        """Which try it is at, or was done with."""
        return 1 + sum(self.setbacks.values())


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with its times, the image that ran it, and its steps."""

    job: Job
    created_at: float
    started_at: float | None
    ended_at: float | None
    image: str
    image_digest: str
    superseded_by: str | None
    steps: tuple[JobStep, ...]

    @property
    def reason(self) -> str:
        """Why it ended as it did, or what the step says that it is at: what it waits for."""
        at = self.steps[-1] if self.steps else None
        return self.job.detail or (at.detail if at and at.ended_at is None else "")


@dataclass(frozen=True, slots=True)
class ExecutedJob:
    """A job with the digest of the image that its program ran in, and when that ended (seconds since the epoch)."""

    job: Job
    image_digest: str
    executed_at: float


def rows_of(connection: sa.Connection, jobs: Sequence[sa.Row[Any]]) -> list[JobRow]:
    """Rows of the table of jobs, in their order, with the steps of all of them."""
    steps = defaultdict[str, list[JobStep]](list)
    for some in in_batches(row.id for row in jobs):
        for one in connection.execute(_STEPS_OF, {"of_jobs": some}):
            steps[one.job_id].append(
                JobStep(one.step, one.started_at, one.ended_at, one.detail, one.setbacks, one.next_at)
            )
    return [
        JobRow(
            job=job_of(row),
            created_at=row.created_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            image=row.image,
            image_digest=row.image_digest,
            superseded_by=row.superseded_by,
            steps=tuple(sorted(steps[row.id], key=lambda step: STEPS.index(step.step))),
        )
        for row in jobs
    ]


def job_of(row: sa.Row[tuple[object, ...]]) -> Job:
    """The job of a row of the table."""
    return Job(
        id=row.id,
        project=row.project,
        workflow=row.workflow,
        version=row.version,
        package_digest=row.package_digest,
        patient_id=row.patient_id,
        study_uid=row.study_uid,
        match_key=row.match_key,
        series=tuple(JobSeries(**one) for one in row.series),
        state=JobState(row.state),
        attempt=row.attempt,
        detail=row.detail,
        host=row.host,
        gpu=row.gpu,
        shadow=row.shadow,
        first_attempt=row.first_attempt,
    )
