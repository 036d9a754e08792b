"""The hosts that run jobs: who is there, what each has, and whose jobs are taken from it because it is silent.

Times are those of the database's clock, since hosts may disagree about the time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from ror import __version__
from ror.db import Database, tables
from ror.engine.capacity import Gpu, Host
from ror.engine.held import LIVE
from ror.errors import NotAllowed, NotFound
from ror.model import JobState

__all__ = ["BEATS_UNTIL_LOST", "HostRow", "HostStore"]

BEATS_UNTIL_LOST = 3

_hosts = tables.hosts.c
_jobs = tables.jobs.c
_JOBS_OF_HOST = (
    sa.select(sa.func.count())
    .where(_jobs.host == _hosts.name, _jobs.state.in_(LIVE))
    .scalar_subquery()
    .label("jobs")
)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host, the release that it runs, how long it has been silent (seconds), and how many jobs it has.

    One that is drained finishes what it has, and gets nothing more.
    """

    host: Host
    release: str
    joined_at: float
    silent_seconds: float
    beat_seconds: float
    drained: bool
    jobs: int

    @property
    def alive(self) -> bool:
        """Whether it has been heard of lately."""
        return self.silent_seconds <= BEATS_UNTIL_LOST * self.beat_seconds


class HostStore:
    """Reads and writes the table hosts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        silent = (database.now() - _hosts.beat_at).label("silent")
        self._rows = sa.select(tables.hosts, silent, _JOBS_OF_HOST).order_by(_hosts.name)

    def join(self, host: Host, beat_seconds: float) -> int:
        """Say that a worker begins under this name; returns how often that has happened.

        What it had when it ended is its own still, and goes on as another attempt: whatever is left of its former life
        can end nothing.
        """
        now = self._database.now()
        values = _values(host) | {
            "release": __version__,
            "joined_at": now,
            "beat_at": now,
            "beat_seconds": beat_seconds,
        }
        insert = self._database.insert(tables.hosts).values(name=host.name, joins=1, drained=False, **values)
        upsert = insert.on_conflict_do_update(
            index_elements=["name"], set_=values | {"joins": _hosts.joins + 1}
        ).returning(_hosts.joins)
        with self._database.write() as connection:
            joins = connection.execute(upsert).scalar_one()
            own = tables.jobs.update().where(_jobs.host == host.name, _jobs.state.in_(LIVE))
            connection.execute(own.values(attempt=_jobs.attempt + 1))
        return int(joins)

    def beat(self, name: str) -> bool:
        """Say that a host is there. False if somebody has removed it, or others have never heard of it."""
        update = tables.hosts.update().where(_hosts.name == name).values(beat_at=self._database.now())
        with self._database.write() as connection:
            return bool(connection.execute(update).rowcount)

    def list(self) -> Sequence[HostRow]:
        """All hosts, by name."""
        with self._database.read() as connection:
            return self.rows(connection)

    def rows(self, connection: sa.Connection) -> Sequence[HostRow]:
        """Within a transaction: all hosts, by name."""
        return [_row(row) for row in connection.execute(self._rows)]

    def drain(self, name: str, *, drained: bool) -> None:
        """Give a host no more jobs, or give it some again; `NotFound` if there is none of that name."""
        update = tables.hosts.update().where(_hosts.name == name).values(drained=drained)
        with self._database.write() as connection:
            if not connection.execute(update).rowcount:
                raise _unknown(name)

    def remove(self, name: str) -> int:
        """Forget a host that is silent; its jobs go on elsewhere. Returns how many they were.

        Raises
        ------
        NotFound, NotAllowed
            There is no host of that name; it is alive.
        """
        with self._database.write() as connection:
            row = next((row for row in self.rows(connection) if row.host.name == name), None)
            if row is None:
                raise _unknown(name)
            if row.alive:
                told = f"host {name} was heard of {row.silent_seconds:.0f} s ago"
                raise NotAllowed(
                    told, f"drain it, and stop its worker; it is silent after {_patience(row):g} s"
                )
            connection.execute(tables.hosts.delete().where(_hosts.name == name))
            return len(self._taken_from(connection, [name]))

    def take_from_the_lost(self, connection: sa.Connection, rows: Sequence[HostRow]) -> Sequence[str]:
        """Within a transaction: let the jobs of silent and of unknown hosts wait for another; returns their ids."""
        gone = [row.host.name for row in rows if not row.alive and row.jobs]
        known = [row.host.name for row in rows]
        orphans = sa.select(_jobs.host).distinct()
        orphans = orphans.where(_jobs.state.in_(LIVE), _jobs.host.is_not(None), _jobs.host.not_in(known))
        gone += connection.execute(orphans).scalars()
        return self._taken_from(connection, gone) if gone else []

    def _taken_from(self, connection: sa.Connection, names: Collection[str]) -> Sequence[str]:
        """Their next attempt is another host's, and goes on behind the last finished step."""
        taken = (
            tables.jobs.update()
            .where(_jobs.host.in_(names), _jobs.state.in_(LIVE))
            .values(state=JobState.QUEUED, attempt=_jobs.attempt + 1, host=None, gpu=None, reserved_at=None)
            .returning(_jobs.id)
        )
        return connection.execute(taken).scalars().all()


def _values(host: Host) -> dict[str, object]:
    return {
        "labels": sorted(host.labels),
        "slots": host.slots,
        "cpus": host.cpus,
        "memory_mib": host.memory_mib,
        "gpus": [asdict(card) for card in host.gpus],
        "in_flight": host.in_flight,
        "has_folder": host.folder,
    }


def _row(row: sa.Row[tuple[object, ...]]) -> HostRow:
    host = Host(
        row.name,
        row.slots,
        row.cpus,
        row.memory_mib,
        tuple(Gpu(**card) for card in row.gpus),
        frozenset(row.labels),
        row.in_flight,
        row.has_folder,
    )
    silent = max(0.0, row.silent)
    return HostRow(host, row.release, row.joined_at, silent, row.beat_seconds, row.drained, row.jobs)


def _patience(row: HostRow) -> float:
    return BEATS_UNTIL_LOST * row.beat_seconds


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no host {name}", "see `ror hosts list`")
