"""A real PostgreSQL of the tests' own, and the fixture `database`: an empty, migrated database of each kind.

The server is Debian's (``/usr/lib/postgresql/<version>/bin``); it runs as the user postgres where the tests run as
root, keeps everything in a temporary folder, listens on a Unix socket only, and ends with the session. Of two machines
that are linked (`tests.support.namespaces`) one may have a server of its own, which listens on the link as well.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from tests.support.namespaces import Linked, within

__all__ = ["NoPostgres", "PostgresServer"]

_MIGRATED = "ror_migrated"
_OF_A_HOME = "ror.sqlite"
# Nothing of the tests outlives a power cut, so nothing waits for the disk.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# Whatever a migration could change, and the revision.
_SCHEMA = """
SELECT string_agg(concat_ws(' ', nspname, relname, relkind, relnatts, relchecks), ', ' ORDER BY nspname, relname),
       (SELECT string_agg(version_num, ', ') FROM alembic_version)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$'
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# To TRUNCATE takes ten times as long: a new file for each table and index. No trigger keeps what tests have written.
_EMPTY = "; ".join(
    ["SET session_replication_role = replica"]
    + [f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables)]
    + ["SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"]
)


class NoPostgres(Exception):
    """Why there is no PostgreSQL here; tests are skipped with this sentence."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; its databases are reached by the superuser postgres, without a password."""

    folder: Path
    _numbers: Iterator[int]
    _ready: list[str]  # migrated databases that are empty, and lent to nobody

    @classmethod
    @contextlib.contextmanager
    def run(cls, *, durable: bool = False, linked: Linked | None = None) -> Iterator[PostgresServer]:
        """Start a server that ends with the block; with `durable`, one that waits for the disk, as servers do.

        With `linked` it runs on the near machine, and listens to both.

        Raises
        ------
        NoPostgres
            Its programs are not installed, or it does not start.
        """
        folder = Path(tempfile.mkdtemp(prefix="ror-postgres-"))
        user = _user()
        try:
            if user is not None:
                shutil.chown(folder, user)
            _initialise(folder / "data", user)
            with _running(folder, user, () if durable else _FAST, linked):
                yield cls(folder, itertools.count(1), [])
        finally:
            shutil.rmtree(folder)

    def url(self, name: str) -> str:
        """The address of a database, as ``database.url`` of ror.toml takes it."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def empty_database(self) -> str:
        """Make a database without tables; returns its address."""
        return self._create("template0")

    def migrated_database(self) -> str:
        """Lend a database with all tables, empty, to be given back with `take_back`; returns its address."""
        if self._ready:
            return self._ready.pop()
        with self._admin() as connection:
            known = connection.scalar(
                sa.text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": _MIGRATED}
            )
        if not known:
            template = Database(self._create("template0", _MIGRATED))
            template.migrate()
            template.close()
        return self._create(_MIGRATED)

    def take_back(self, url: str) -> None:
        """Empty a migrated database for the next test, in a tenth of the time that a new one takes."""
        with self._connected(_MIGRATED) as template:
            migrated = template.execute(_SCHEMA).fetchone()
        with self._connected(str(sa.make_url(url).database)) as connection:
            connection.execute(_END_OTHERS)
            is_migrated = connection.execute(_SCHEMA).fetchone() == migrated
            if is_migrated:
                connection.execute(_EMPTY)
        if is_migrated:
            self._ready.append(url)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it; each takes 8 MB."""
        with self._admin() as connection:
            connection.execute(sa.text(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)"))

    def _connected(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def _create(self, template: str, name: str = "") -> str:
        name = name or f"test_{next(self._numbers)}"
        with self._admin() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)

    @contextlib.contextmanager
    def _admin(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


def _program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: path.parts[-3])
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise NoPostgres(f"PostgreSQL's {name} is not installed (Debian package postgresql)")
    return found


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres") from None


def _initialise(data: Path, user: str | None) -> None:
    command = [_program("initdb"), "--pgdata", data, "--username=postgres", "--auth=trust"]
    done = subprocess.run(
        [*command, "--encoding=UTF8", "--no-locale", "--no-sync"],
        user=user,
        extra_groups=None if user is None else [],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoPostgres(f"initdb ended with {done.returncode}: {done.stderr.strip()}")


@contextlib.contextmanager
def _running(
    folder: Path, user: str | None, settings: Sequence[str], linked: Linked | None
) -> Iterator[None]:
    command = [_program("postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    command += ["-c", f"listen_addresses={linked.address if linked else ''}"]
    if linked is not None:
        with (folder / "data" / "pg_hba.conf").open("a") as known:
            known.write(f"host all all {linked.network} trust\n")
        # Only root enters a namespace.
        as_user: tuple[str, ...] = () if user is None else ("setpriv", f"--reuid={user}", "--clear-groups")
        command = [*within(linked.near), *as_user, *command]
        user = None
    server = subprocess.Popen(
        [*command, *(word for setting in settings for word in ("-c", setting))],
        user=user,
        extra_groups=None if user is None else [],
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_ready(server)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)  # "immediate": nothing is worth writing down
        server.wait(60)


def _wait_until_ready(server: subprocess.Popen[str]) -> None:
    said: deque[str] = deque(maxlen=10)
    assert server.stderr is not None
    for line in server.stderr:
        said.append(line.rstrip())
        if "ready to accept connections" in line:
            # Whoever prints into a full pipe stops: keep reading.
            threading.Thread(target=deque, args=(server.stderr, 0), daemon=True).start()
            return
    raise NoPostgres("PostgreSQL does not start here: " + " | ".join(said))


# -- fixtures (known to all tests through tests/conftest.py) ----------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever asks for a database, by whatever way, runs on both kinds, unless it names its own."""
    told = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    if "database_kind" in metafunc.fixturenames and "database_kind" not in told:
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
        metafunc.parametrize("database_kind", kinds)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests."""
    try:
        with PostgresServer.run() as server:
            yield server
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "ror.sqlite"
    made = Database(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture(scope="session", autouse=True)
def homes_with_tables(migrated_sqlite: Path) -> Iterator[None]:
    """A new home begins with a copy of those tables: to migrate each anew would take a tenth of all tests' time.

    Whatever has another name, or is there already, is migrated as it always is.
    """
    migrate = Database.migrate

    def copied(database: Database) -> None:
        file = Path(sa.make_url(database.url).database or "")
        if file.name == _OF_A_HOME and file.parent.is_dir() and not file.exists():
            shutil.copy(migrated_sqlite, file)
        migrate(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "migrate", copied)
        yield


@pytest.fixture
def empty_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.empty_database()
    yield url
    server.drop(url)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with all tables, empty."""
    if database_kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "ror.sqlite")
        yield f"sqlite:///{tmp_path / 'ror.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.migrated_database()
    yield url
    server.take_back(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with all tables, empty; each test runs on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()
