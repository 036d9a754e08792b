"""The database connection of the durable engine, which must wait on a full disk and not give up."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa

from ror.db import gives_up

__all__ = ["checkpoint_engine", "server_options"]

# Disk full, its write or its file failed (https://sqlite.org/rescode.html, primary codes 13, 10 and 14).
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_PRIMARY = 0xFF


def checkpoint_engine(url: str) -> sa.Engine | None:
    """An engine for DBOS on SQLite, else None: DBOS makes its own for PostgreSQL, on whose full disk it waits.

    DBOS repeats a write to SQLite for as long as the database is locked, and takes any other error of it for the end
    of the workflow, which it then cannot record either: the job would be `running` until the next start. So a disk
    that is full is told to it as a lock.
    """
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        return None
    engine = sa.create_engine(address)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "handle_error", _full_is_locked)
    return engine


def server_options(url: str) -> dict[str, Any]:
    """How DBOS connects to a PostgreSQL server (``db_engine_kwargs``).

    It does not ask before each transaction whether the server is there: it repeats what a lost connection has ended.
    And its commits do not wait for the disk, as those to SQLite do not: of a power cut the last ones may be lost, but
    none that a commit of ours is behind, since the server keeps their order. Then a step runs again.
    """
    options = sa.make_url(url).query.get("options", "")
    given = options if isinstance(options, str) else " ".join(options)
    return {
        "pool_pre_ping": False,
        "connect_args": gives_up(url)
        | {
            "application_name": "dbos_transact",
            "options": f"{given} -c synchronous_commit=off".strip(),
        },
    }


def _configure(connection: Any, _record: Any) -> None:
    # As DBOS configures the engine that it would have made.
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA foreign_keys=ON")
    # A job has a dozen commits here. Of a power cut the last ones may be lost, as those of the table of jobs: then a
    # step runs again.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _full_is_locked(context: sa.ExceptionContext) -> BaseException | None:
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & _PRIMARY not in _NO_ROOM:
        return None
    locked = sqlite3.OperationalError(f"{error} (waiting for room, as if the database is locked)")
    return sa.exc.OperationalError(None, None, locked)
