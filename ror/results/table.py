"""The measurement table: what finished jobs have measured, and nothing that was superseded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ror.db import Database, tables
from ror.model import Job
from ror.results.model import Row

__all__ = ["MeasurementRow", "MeasurementStore"]


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One line of ``ror measurements``; `record_id` is the pseudonym."""

    project: str
    record_id: str
    event_name: str
    study_uid: str
    workflow: str
    version: str
    field_name: str
    value: str
    unit: str
    repeat_instrument: str
    repeat_instance: int | None
    job_id: str


class MeasurementStore:
    """Reads and writes the table measurements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, job: Job, rows: Sequence[Row], replaced_jobs: Sequence[str]) -> None:
        """Write a job's measurements in place of its own earlier ones and of those of the jobs it replaces."""
        table, now = tables.measurements, time.time()
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.job_id.in_([job.id, *replaced_jobs])))
            for row in rows:
                connection.execute(
                    table.insert().values(
                        job_id=job.id,
                        record_id=row.record_id,
                        event_name=row.event,
                        field_name=row.field_name,
                        value=str(row.value),
                        unit=row.announced.unit.value if row.announced else "",
                        repeat_instrument=row.repeat_instrument,
                        repeat_instance=row.repeat_instance or 0,
                        recorded_at=now,
                    )
                )

    def list(self, project: str | None = None) -> list[MeasurementRow]:
        """All measurements by project, record, workflow and field."""
        table, job = tables.measurements, tables.jobs.c
        query = (
            sa.select(table, job.project, job.study_uid, job.workflow, job.version)
            .join(tables.jobs, job.id == table.c.job_id)
            .order_by(job.project, table.c.record_id, job.workflow, job.study_uid, table.c.field_name)
        )
        if project is not None:
            query = query.where(job.project == project)
        with self._database.read() as connection:
            return [
                MeasurementRow(
                    project=row.project,
                    record_id=row.record_id,
                    event_name=row.event_name,
                    study_uid=row.study_uid,
                    workflow=row.workflow,
                    version=row.version,
                    field_name=row.field_name,
                    value=row.value,
                    unit=row.unit,
                    repeat_instrument=row.repeat_instrument,
                    repeat_instance=row.repeat_instance or None,
                    job_id=row.job_id,
                )
                for row in connection.execute(query)
            ]
