"""The measurement table: what finished jobs have measured, and nothing that was superseded."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from ror.db import Database, tables
from ror.model import Job, JobState
from ror.results.model import Row

__all__ = ["Finished", "MeasurementRow", "MeasurementStore"]


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One line of ``ror measurements list``.

    Attributes
    ----------
    record_id
        The pseudonym.
    series_uid, series_description
        SeriesInstanceUID and SeriesDescription (as far as the profile leaves it) of the only series that was measured;
        "" where there were several.
    series_names
        What the select statement calls the series, in its order.
    repeat_instrument, repeat_instance
        Where REDCap has it; "" and None in the record itself.
    """

    project: str
    record_id: str
    event_name: str
    study_uid: str
    series_uid: str
    series_names: str
    series_description: str
    workflow: str
    version: str
    field_name: str
    value: str
    unit: str
    repeat_instrument: str
    repeat_instance: int | None
    job_id: str


class Finished(NamedTuple):
    """One version of a workflow in a project."""

    project: str
    workflow: str
    version: str


class MeasurementStore:
    """Reads and writes the table measurements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, job: Job, rows: Sequence[Row], replaced_jobs: Sequence[str]) -> None:
        """Write a job's measurements in place of its own earlier ones and of those of the jobs it replaces."""
        table, now = tables.measurements, time.time()
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.job_id.in_([job.id, *replaced_jobs])))
            for row in _last_of_each(rows):
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
        """All measurements by project, record, event, workflow, study, series and field."""
        table, job, series = tables.measurements, tables.jobs.c, tables.series.c
        first_series = job.series[(0, "series_uid")].as_string()
        description = series.attributes[("SeriesDescription", 0)].as_string().label("series_description")
        columns = (job.project, job.study_uid, job.workflow, job.version, job.series)
        query = (
            sa.select(table, *columns, description)
            .join(tables.jobs, job.id == table.c.job_id)
            .outerjoin(tables.series, series.series_uid == first_series)
            .order_by(
                job.project,
                table.c.record_id,
                table.c.event_name,
                job.workflow,
                job.study_uid,
                first_series,
                table.c.field_name,
                table.c.repeat_instrument,
                table.c.repeat_instance,
            )
        )
        if project is not None:
            query = query.where(job.project == project)
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def finished(self, project: str | None = None) -> dict[Finished, frozenset[str]]:
        """The jobs of each version of a workflow that have succeeded, or measured anything that counts."""
        job, measured = tables.jobs.c, sa.select(tables.measurements.c.job_id)
        query = sa.select(job.project, job.workflow, job.version, job.id).where(
            ~job.shadow, (job.state == JobState.SUCCEEDED) | job.id.in_(measured)
        )
        if project is not None:
            query = query.where(job.project == project)
        found: defaultdict[Finished, set[str]] = defaultdict(set)
        with self._database.read() as connection:
            for *version, job_id in connection.execute(query):
                found[Finished(*version)].add(job_id)
        return {version: frozenset(jobs) for version, jobs in found.items()}


def _last_of_each(rows: Iterable[Row]) -> Iterable[Row]:
    # An older package, whose rows are taken as they are, may give one twice; REDCap keeps the later one, too.
    return {
        (row.record_id, row.event, row.field_name, row.repeat_instrument, row.repeat_instance): row
        for row in rows
    }.values()


def _row(row: Any) -> MeasurementRow:
    uids = {one["series_uid"] for one in row.series}
    only = uids.pop() if len(uids) == 1 else ""
    return MeasurementRow(
        project=row.project,
        record_id=row.record_id,
        event_name=row.event_name,
        study_uid=row.study_uid,
        series_uid=only,
        series_names=", ".join(dict.fromkeys(one["name"] for one in row.series)),
        series_description=(row.series_description or "") if only else "",
        workflow=row.workflow,
        version=row.version,
        field_name=row.field_name,
        value=row.value,
        unit=row.unit,
        repeat_instrument=row.repeat_instrument,
        repeat_instance=row.repeat_instance or None,
        job_id=row.job_id,
    )
