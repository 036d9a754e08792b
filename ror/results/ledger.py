"""The outbox: which result objects jobs have made, and what each destination has acknowledged and confirmed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ror.db import Database, in_batches, tables
from ror.model import Job, JobState
from ror.results.superseded import Earlier, EarlierObject

__all__ = ["DeliveryState", "Ledger", "MadeObject", "Receipt"]

_results, _deliveries, _jobs = tables.results.c, tables.deliveries.c, tables.jobs.c


@dataclass(frozen=True, slots=True)
class MadeObject:
    """A result object; `path` is below the job's folder."""

    sop_uid: str
    kind: str
    sop_class_uid: str
    series_uid: str
    study_uid: str
    path: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a destination has said of an object: it acknowledged it, and later perhaps that it holds it.

    Times are seconds since the epoch; `confirmed_by` is how it was asked (``C-FIND``), None while it has not shown it.
    """

    sop_uid: str
    delivered_at: float
    times_sent: int
    confirmed_at: float | None
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """How the results of one job stand at one destination: how many of those `made` it has taken, and holds."""

    destination: str
    made: int
    delivered: int
    confirmed: int
    confirmed_by: str
    last_at: float | None


class Ledger:
    """Reads and writes the tables results and deliveries.

    What a job has made and a destination has no receipt of is to be delivered there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what was made ------------------------------------------------------------------------------------------------

    def set_made(self, job_id: str, objects: Sequence[MadeObject]) -> None:
        """Note what a job has made, in place of what it made before, all of which is to be delivered."""
        now, table = time.time(), tables.results
        with self._database.write() as connection:
            connection.execute(table.delete().where(_results.job_id == job_id))
            for one in objects:
                connection.execute(
                    table.insert().values(
                        job_id=job_id,
                        sop_uid=one.sop_uid,
                        kind=one.kind,
                        sop_class_uid=one.sop_class_uid,
                        series_uid=one.series_uid,
                        study_uid=one.study_uid,
                        path=one.path,
                        made_at=now,
                    )
                )
            for some in in_batches(one.sop_uid for one in objects):
                connection.execute(tables.deliveries.delete().where(_deliveries.sop_uid.in_(some)))

    def made(self, job_ids: Iterable[str]) -> list[MadeObject]:
        """What jobs have made, SEG before SR."""
        wanted = list(job_ids)
        if not wanted:
            return []
        table = tables.results
        query = sa.select(table).where(table.c.job_id.in_(wanted)).order_by(table.c.kind, table.c.path)
        with self._database.read() as connection:
            return [
                MadeObject(row.sop_uid, row.kind, row.sop_class_uid, row.series_uid, row.study_uid, row.path)
                for row in connection.execute(query)
            ]

    def named(self, uids: Iterable[str]) -> frozenset[str]:
        """Those of some UIDs that name an object or a series that a job has made."""
        with self._database.read() as connection:
            return frozenset(
                found
                for some in in_batches(uids)
                for column in (_results.sop_uid, _results.series_uid)
                for found in connection.execute(sa.select(column).where(column.in_(some))).scalars()
            )

    def superseded(self, job_ids: Iterable[str]) -> tuple[Earlier, ...]:
        """Jobs with those of their objects that somebody may have seen, the oldest first.

        These are all objects of a job that has succeeded, and what a destination has acknowledged of others.
        """
        wanted = list(job_ids)
        if not wanted:
            return ()
        taken = sa.exists().where(_deliveries.sop_uid == _results.sop_uid)
        query = (
            sa.select(tables.results, _jobs.version)
            .join(tables.jobs, _jobs.id == _results.job_id)
            .where(_results.job_id.in_(wanted), (_jobs.state == JobState.SUCCEEDED) | taken)
            .order_by(_jobs.created_at, _jobs.id, _results.path)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Earlier(job_id, version, tuple(_earlier(row) for row in rows if row.job_id == job_id))
            for job_id, version in dict.fromkeys((row.job_id, row.version) for row in rows)
        )

    # -- what was delivered -------------------------------------------------------------------------------------------

    def receipts(self, destination: str, sop_uids: Iterable[str]) -> dict[str, Receipt]:
        """What a destination has said of those of some objects that it has acknowledged."""
        query = sa.select(tables.deliveries).where(_deliveries.destination == destination)
        with self._database.read() as connection:
            return {
                row.sop_uid: Receipt(
                    row.sop_uid, row.delivered_at, row.times_sent, row.confirmed_at, row.confirmed_by
                )
                for some in in_batches(sop_uids)
                for row in connection.execute(query.where(_deliveries.sop_uid.in_(some)))
            }

    def note_delivered(self, destination: str, sop_uids: Iterable[str], at: float) -> None:
        """A destination has acknowledged some objects, perhaps once more; whether it holds them is to be seen."""
        insert = self._database.insert(tables.deliveries)
        once_more = {
            "delivered_at": at,
            "times_sent": _deliveries.times_sent + 1,
            "confirmed_at": None,
            "confirmed_by": None,
        }
        upsert = insert.on_conflict_do_update(index_elements=["destination", "sop_uid"], set_=once_more)
        with self._database.write() as connection:
            for sop_uid in sop_uids:
                row = {"destination": destination, "sop_uid": sop_uid, "delivered_at": at, "times_sent": 1}
                connection.execute(upsert.values(row))

    def note_confirmed(self, destination: str, sop_uids: Iterable[str], by: str, at: float) -> None:
        """A destination has shown that it holds some objects that it has acknowledged."""
        update = tables.deliveries.update().where(_deliveries.destination == destination)
        with self._database.write() as connection:
            for some in in_batches(sop_uids):
                connection.execute(
                    update.where(_deliveries.sop_uid.in_(some)).values(confirmed_at=at, confirmed_by=by)
                )

    def forget_delivered(self, destination: str, sop_uids: Iterable[str]) -> None:
        """A destination holds some objects no longer."""
        table = tables.deliveries
        with self._database.write() as connection:
            for some in in_batches(sop_uids):
                connection.execute(
                    table.delete().where(table.c.destination == destination, table.c.sop_uid.in_(some))
                )

    def states(self, job_id: str, destinations: Iterable[str] = ()) -> list[DeliveryState]:
        """How the results of a job, if it made any, stand at these destinations, and where else some of them are."""
        columns = (_deliveries.destination, _deliveries.confirmed_by)
        query = (
            sa.select(
                *columns,
                sa.func.count().label("delivered"),
                sa.func.max(sa.func.coalesce(_deliveries.confirmed_at, _deliveries.delivered_at)).label("at"),
            )
            .join(tables.results, _results.sop_uid == _deliveries.sop_uid)
            .where(_results.job_id == job_id)
            .group_by(*columns)
        )
        made = sa.select(sa.func.count()).where(_results.job_id == job_id)
        with self._database.read() as connection:
            number = int(connection.execute(made).scalar_one())
            rows = connection.execute(query).all()
        return [
            _state(name, number, [row for row in rows if row.destination == name])
            for name in sorted({row.destination for row in rows} | set(destinations if number else ()))
        ]

    # -- whose turn it is ---------------------------------------------------------------------------------------------

    def is_running(self, job_id: str) -> bool:
        """Whether a job is neither superseded nor cancelled since it began to deliver."""
        query = sa.select(_jobs.id).where(_jobs.id == job_id, _jobs.state == JobState.RUNNING)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def next_before(self, job: Job, destination: str) -> str | None:
        """The running job of the same study whose results were made before and are still to be delivered there."""
        mine = sa.select(sa.func.max(_results.made_at)).where(_results.job_id == job.id).scalar_subquery()
        has_it = sa.exists().where(
            _deliveries.destination == destination, _deliveries.sop_uid == _results.sop_uid
        )
        query = (
            sa.select(_jobs.id)
            .join(tables.results, _results.job_id == _jobs.id)
            .where(
                _jobs.project == job.project,
                _jobs.study_uid == job.study_uid,
                _jobs.state == JobState.RUNNING,
                _jobs.id != job.id,
                (_results.made_at < mine) | ((_results.made_at == mine) & (_jobs.id < job.id)),
                ~has_it,
            )
            .order_by(_results.made_at, _jobs.id)
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar()


def _state(destination: str, made: int, rows: Sequence[sa.Row[tuple[object, ...]]]) -> DeliveryState:
    shown = [row for row in rows if row.confirmed_by is not None]
    return DeliveryState(
        destination,
        made,
        sum(row.delivered for row in rows),
        sum(row.delivered for row in shown),
        ", ".join(sorted(row.confirmed_by for row in shown)),
        max((row.at for row in rows), default=None),
    )


def _earlier(row: sa.Row[tuple[object, ...]]) -> EarlierObject:
    return EarlierObject(row.sop_class_uid, row.sop_uid, row.series_uid, row.study_uid)
