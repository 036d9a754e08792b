"""One database, SQLite or PostgreSQL: the only module that knows which."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ror.db.rested import ping_after_rest
from ror.db.revision import newest_revision, revision_of
from ror.db.short_questions import ShortQuestions
from ror.db.unheard import gives_up
from ror.errors import ConfigurationError, HomeInUse, ServiceUnavailable

__all__ = ["Database", "in_turn"]

_BUSY_TIMEOUT_MS = 30_000
_POSTGRESQL = "postgresql+psycopg"
_LOCKS = 7267  # key of our advisory locks in PostgreSQL: alone of a migration, with a name of its holder
# The server must notice within a minute that the host of a holder has lost its power.
_KEEPALIVES = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
_IDLE_SECONDS = 10
_SQLITE_NOW = "(julianday('now') - 2440587.5) * 86400.0"
_ADDRESSES = "use sqlite:////path/to/file or postgresql+psycopg://user@host/name"


class Database:
    """Connections to the tables of `ror.db.tables`.

    `write` opens a transaction. So does `read` of SQLite; what PostgreSQL is asked sees what was committed before it,
    within a transaction or without one, which saves two exchanges with the server of three. A SQLite write takes the
    write lock at once (BEGIN IMMEDIATE), so that two writers wait for each other instead of failing half-way.
    """

    def __init__(self, url: str) -> None:
        address = _address(url)
        on_server = address.get_backend_name() != "sqlite"
        # No driver begins a transaction by itself: `_begin` does, as these say.
        alone = {"autocommit": True} if on_server else {}
        self._engine = engine = sa.create_engine(address, connect_args=gives_up(address) | alone)
        sa.event.listen(engine, "begin", _begin)
        if on_server:
            ping_after_rest(engine)
        else:
            sa.event.listen(engine, "connect", _configure_sqlite)
        self._short = None if on_server else ShortQuestions(engine)
        self._streamer = engine.execution_options(ror_begin="BEGIN")
        self._reader = engine if on_server else self._streamer
        # Without preserve_rowcount, an INSERT of psycopg says -1 rows, whether it has met a conflict or not.
        self._single = engine.execution_options(preserve_rowcount=True)
        self._writer = self._single.execution_options(ror_begin="BEGIN" if on_server else "BEGIN IMMEDIATE")
        self._of_thread = threading.local()
        # Each transaction asks for it, and making it takes as long as a short question.
        self._shown = self._engine.url.render_as_string(hide_password=True)

    @property
    def url(self) -> str:
        """The address, with its password."""
        return self._engine.url.render_as_string(hide_password=False)

    @property
    def shown(self) -> str:
        """The address for people: no password."""
        return self._shown

    @contextmanager
    def read(self, *, streams: bool = False) -> Iterator[sa.Connection]:
        """A connection that only reads; within `one_look`, that of the look.

        One that `streams` gives rows as they are asked for (``yield_per``), which a server holds for a transaction.
        """
        looking: sa.Connection | None = getattr(self._of_thread, "connection", None)
        if looking is not None and not streams:
            yield looking
            return
        engine = self._streamer if streams else self._reader
        with _unavailable_told(self.shown), engine.begin() as connection:
            yield connection

    def first(self, question: sa.Select[Any], **values: str) -> Any:
        """The first row of a short question that is asked again and again as the same object, or None."""
        if self._short is not None:
            # What went wrong is told below, if it goes wrong again.
            with suppress(sqlite3.Error, sa.exc.SQLAlchemyError):
                return self._short.first(question, values)
        with self.read() as connection:
            return connection.execute(question, values).first()

    def version(self) -> int | None:
        """A number that differs as soon as anybody has committed anything; None where asking for it is not free."""
        if self._short is not None:
            with suppress(sqlite3.Error, sa.exc.SQLAlchemyError):
                return self._short.version()
        return None

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Let every `read` of this thread within the block have one connection, which costs them half."""
        around: sa.Connection | None = getattr(self._of_thread, "connection", None)
        with self.read() as connection:
            self._of_thread.connection = connection
            try:
                yield
            finally:
                self._of_thread.connection = around

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes; committed when the block ends, rolled back when it raises."""
        with _unavailable_told(self.shown), self._writer.begin() as connection:
            yield connection

    def write_one(self, statement: sa.Executable, values: Mapping[str, object] | None = None) -> int:
        """Execute one statement, which is a transaction of its own; how many rows it has met."""
        with _unavailable_told(self.shown), self._single.begin() as connection:
            return connection.execute(statement, values).rowcount

    def insert(self, table: sa.Table) -> Any:
        """An INSERT of this dialect that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        return dialect.insert(table)

    def now(self) -> sa.ColumnElement[float]:
        """The time by the database's clock, which all hosts share (seconds since the epoch)."""
        told = (
            _SQLITE_NOW if self._engine.dialect.name == "sqlite" else "extract(epoch FROM clock_timestamp())"
        )
        return sa.literal_column(told, sa.Double())

    @contextmanager
    def alone(self, task: str) -> Iterator[sa.Connection | None]:
        """A `write` that no other process does at the same time; None, at once, where another does.

        Who is stopped in the middle of it does not hold up the others for ever: PostgreSQL ends its session.
        """
        with self.write() as connection:
            if self._engine.dialect.name == "sqlite":  # whose every write is alone
                yield connection
                return
            lock = sa.text(f"SELECT pg_try_advisory_xact_lock({_LOCKS}, hashtext(:task))")
            connection.execute(sa.text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'"))
            yield connection if connection.scalar(lock, {"task": f"alone: {task}"}) else None

    def migrate(self) -> None:
        """Bring the schema to the newest revision; several processes may ask for it at once."""
        if self.revision() != newest_revision():
            with _unavailable_told(self.shown):
                _migrating().upgrade(self._writer, _LOCKS)

    def revision(self) -> str:
        """The revision of its tables; empty without tables."""
        with self.read() as connection:
            return revision_of(connection)

    def downgrade(self, revision: str) -> None:
        """Bring the schema back to an earlier revision, before an earlier release is installed again.

        Raises
        ------
        NotFound
            There is no such revision behind the present one.
        """
        with _unavailable_told(self.shown):
            _migrating().downgrade(self._writer, _LOCKS, revision)

    @contextmanager
    def worked_on_by(self, executor_id: str) -> Iterator[None]:
        """Be the only worker of that name on any host; `HomeInUse` if there is another. A killed one holds nothing.

        Of a file of SQLite, whoever shares the home folder is told by `Home.worked_on_by`.
        """
        if self._engine.dialect.name == "sqlite":
            yield
            return
        held = self._hold(executor_id)
        try:
            yield
        finally:
            # The server notices the end of a session in its own time; whoever begins next may be there before.
            with suppress(sa.exc.DBAPIError):
                held.execute(
                    sa.text(f"SELECT pg_advisory_unlock({_LOCKS}, hashtext(:name))"), {"name": executor_id}
                )
            held.invalidate()  # ends the session, and with it its settings
            held.close()

    def _hold(self, executor_id: str) -> sa.Connection:
        with _unavailable_told(self.shown):
            held = self._engine.connect()
            for setting in _KEEPALIVES:
                held.execute(sa.text(f"SET {setting}"))
            lock = sa.text(f"SELECT pg_try_advisory_lock({_LOCKS}, hashtext(:name))")
            if held.scalar(lock, {"name": executor_id}):
                return held
        held.close()
        raise HomeInUse(
            f"another worker of this database has the executor id {executor_id}",
            "give each its own: engine.executor_id in ror.toml, or ROR_ENGINE__EXECUTOR_ID",
        )

    def close(self) -> None:
        """Close all connections."""
        if self._short is not None:
            self._short.close()
        self._engine.dispose()


def in_turn(connection: sa.Connection, task: str) -> None:
    """Within a `write`: wait until nobody else is at the same task, and have the others wait until it is committed.

    What is read afterwards is what they have left. To be the last thing that a transaction does: who holds it, and then
    waits for a row of somebody who waits for it, would wait for ever.
    """
    if connection.dialect.name == "sqlite":  # whose every write is alone
        return
    lock = sa.text(f"SELECT pg_advisory_xact_lock({_LOCKS}, hashtext(:task))")
    connection.execute(lock, {"task": f"turn: {task}"})


def _migrating() -> ModuleType:
    # Loaded here, with Alembic: no command waits for it while the schema is the newest.
    return import_module("ror.db.migrating")


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError("database.url is no database address", advice=_ADDRESSES) from error
    if address.drivername == "postgresql":
        address = address.set(drivername=_POSTGRESQL)  # the driver that is installed with us
    if address.drivername not in ("sqlite", _POSTGRESQL):
        raise ConfigurationError(f"database.url: {address.drivername} is not supported", advice=_ADDRESSES)
    return address


@contextmanager
def _unavailable_told(where: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise ServiceUnavailable(
            "all connections to the database are in use", "try again; lower listener.max_associations"
        ) from error
    # What begins a transaction of SQLite raises the driver's own.
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        orig = getattr(error, "orig", error)
        if getattr(orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise ServiceUnavailable(f"the disk of {where} is full", "make room") from error
        raise ServiceUnavailable(
            f"the database does not answer: {type(orig).__name__}: {orig}",
            "check that it runs, that its disk has room, and that no other program holds it locked",
        ) from error
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        orig = getattr(error, "orig", error)
        if getattr(orig, "sqlite_errorname", "") in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise ConfigurationError(
                f"the file of database.url is no database: {orig}",
                advice="move it away, and put a backup in its place",
            ) from error
        raise


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event starts transactions, not the driver
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        # The files of the archive are fsynced, and what the index lost in a power cut is read from them again.
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    begin = connection.get_execution_options().get("ror_begin")
    if begin is not None:
        # By the driver, since it takes SQLAlchemy ten times as long to execute it.
        driver: Any = connection.connection.driver_connection
        driver.execute(begin)
