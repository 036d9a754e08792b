"""Jobs of hosts without the shared folder: what they may read, and how what they have made gets into the folder.

Such a host runs the program of a job, and no more: its output is taken in by a host that has the folder, under the
attempt that made it, and the job goes on there. So a host that was given up for lost brings in nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine.held import LIVE, Hold
from ror.engine.own_output import own_output
from ror.model import JobFolder

__all__ = ["AwayJobs", "take_in"]

_jobs = tables.jobs.c


class AwayJobs:
    """What is asked and written of the jobs of hosts without the shared folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_host(self, host: str) -> frozenset[str]:
        """The jobs that a host has to work on."""
        with self._database.read() as connection:
            return frozenset(connection.execute(sa.select(_jobs.id).where(*_of(host))).scalars())

    def project_of(self, host: str, study_uid: str, series_uid: str) -> str | None:
        """The project in which a job of this host reads a series; None: none does."""
        wanted = (study_uid, series_uid)
        query = sa.select(_jobs.project, _jobs.series).where(*_of(host), _jobs.released_at.is_(None))
        with self._database.read() as connection:
            for row in connection.execute(query):
                if any((one["study_uid"], one["series_uid"]) == wanted for one in row.series):
                    return str(row.project)
        return None

    @contextmanager
    def kept(self, hold: Hold, host: str) -> Iterator[bool]:
        """Whether a host has this attempt at a job; nobody takes it away before the block ends."""
        query = sa.select(_jobs.id).where(*_of(host), *_at(hold)).with_for_update()
        with self._database.write() as connection:
            yield connection.execute(query).first() is not None

    def has(self, hold: Hold, host: str) -> bool:
        """Whether a host has this attempt at a job now."""
        with self._database.read() as connection:
            return connection.execute(sa.select(_jobs.id).where(*_of(host), *_at(hold))).first() is not None

    def hand_over(self, hold: Hold) -> bool:
        """Let a job whose output was taken in wait for a host that has the folder; False if it is held no longer."""
        values: dict[str, Any] = {"attempt": _jobs.attempt + 1, "host": None, "gpu": None}
        values |= {"state": "queued", "reserved_at": None}
        update = tables.jobs.update().where(_jobs.state.in_(LIVE), *_at(hold)).values(values)
        with self._database.write() as connection:
            return bool(connection.execute(update).rowcount)


def take_in(came: Path, folder: JobFolder, host: str) -> None:
    """Put what a host has sent, its ``output`` and ``log``, into the place of what the job's folder has of it.

    Each is there whole or not at all. What is left of `came` is the caller's.
    """
    if (log := came / "log" / folder.log.name).is_file():
        folder.log.parent.mkdir(parents=True, exist_ok=True)
        log.replace(folder.log)
    if (output := came / "output").is_dir():
        own = own_output(folder, host)
        own.rename(came / "replaced")
        output.rename(own)


def _of(host: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _jobs.host == host, _jobs.state.in_(LIVE)


def _at(hold: Hold) -> tuple[sa.ColumnElement[bool], ...]:
    return _jobs.id == hold.job_id, _jobs.attempt == hold.attempt
