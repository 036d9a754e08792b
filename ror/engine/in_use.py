"""What jobs that have not ended, or may be tried again, work with: packages and studies."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from ror.db import tables
from ror.model import JobState

__all__ = ["packages_in_use", "studies_in_use"]

_jobs = tables.jobs.c
_OPEN: Final = _jobs.state.in_((JobState.QUEUED, JobState.RUNNING, JobState.REVIEW, JobState.FAILED))


def packages_in_use(connection: sa.Connection, since: float) -> set[str]:
    """The digests of packages that such jobs run, or any that was made `since` (seconds since the epoch)."""
    query = sa.select(_jobs.package_digest).where(_OPEN | (_jobs.created_at >= since)).distinct()
    return set(connection.execute(query).scalars())


def studies_in_use(connection: sa.Connection) -> set[str]:
    """The studies of which such jobs have a series."""
    rows = connection.execute(sa.select(_jobs.study_uid, _jobs.series).where(_OPEN))
    return {uid for row in rows for uid in (row.study_uid, *(one["study_uid"] for one in row.series))}
