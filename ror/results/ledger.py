"""Which result objects jobs have made, and which objects each destination has acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from ror.db import Database, tables

__all__ = ["Ledger", "MadeObject"]

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class MadeObject:
    """A result object; `path` is below the job's folder."""

    sop_uid: str
    kind: str
    sop_class_uid: str
    series_uid: str
    study_uid: str
    path: str


class Ledger:
    """Reads and writes the tables results and deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_made(self, job_id: str, objects: Sequence[MadeObject]) -> None:
        """Note what a job has made, in place of what it made before."""
        table = tables.results
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.job_id == job_id))
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
                    )
                )

    def made(self, job_ids: Iterable[str]) -> list[MadeObject]:
        """What jobs have made, SEG before SR."""
        table = tables.results
        query = sa.select(table).where(table.c.job_id.in_(list(job_ids))).order_by(table.c.kind, table.c.path)
        with self._database.read() as connection:
            return [
                MadeObject(row.sop_uid, row.kind, row.sop_class_uid, row.series_uid, row.study_uid, row.path)
                for row in connection.execute(query)
            ]

    def delivered(self, destination: str, sop_uids: Iterable[str]) -> set[str]:
        """Those of some objects that a destination has acknowledged."""
        table = tables.deliveries
        query = sa.select(table.c.sop_uid).where(table.c.destination == destination)
        with self._database.read() as connection:
            return {
                sop_uid
                for some in _batches(sop_uids)
                for sop_uid in connection.execute(query.where(table.c.sop_uid.in_(some))).scalars()
            }

    def note_delivered(self, destination: str, sop_uids: Iterable[str]) -> None:
        """A destination has acknowledged some objects."""
        with self._database.write() as connection:
            for sop_uid in sop_uids:
                connection.execute(
                    self._database.insert(tables.deliveries)
                    .values(destination=destination, sop_uid=sop_uid, delivered_at=time.time())
                    .on_conflict_do_nothing()
                )

    def forget_delivered(self, destination: str, sop_uids: Iterable[str]) -> None:
        """A destination holds some objects no longer."""
        table = tables.deliveries
        with self._database.write() as connection:
            for some in _batches(sop_uids):
                connection.execute(
                    table.delete().where(table.c.destination == destination, table.c.sop_uid.in_(some))
                )


def _batches(sop_uids: Iterable[str]) -> Iterator[list[str]]:
    # PostgreSQL takes at most 65535 parameters in one statement, and SQLite may take fewer.
    rest = iter(sop_uids)
    while some := list(islice(rest, _BATCH)):
        yield some
