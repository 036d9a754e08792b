"""A server that goes away: what had rested meanwhile does not notice, and what was at work fails once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import ror.db.database
from ror.db import Database, rested
from ror.errors import ServiceUnavailable

_END_OTHERS = sa.text("""
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
""")
_ONE = sa.text("SELECT 1")


@pytest.fixture
def server(database_url: str) -> Iterator[sa.Engine]:
    """Somebody who ends the connections of all others."""
    engine = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def _end_others(server: sa.Engine) -> None:
    with server.connect() as connection:
        assert all(connection.execute(_END_OTHERS).scalars())


def _answers(opened: Database) -> bool:
    with opened.read() as connection:
        return connection.execute(_ONE).scalar() == 1


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_connections_that_rested_while_the_server_began_anew_are_replaced(
    database: Database, server: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rested, "_REST_SECONDS", 0.0)
    with database.read(), database.read():  # two connections
        assert _answers(database)
    _end_others(server)
    assert _answers(database)
    with database.read(), database.read():
        assert _answers(database)


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_connection_that_was_just_used_fails_once_and_takes_all_others_of_its_time_with_it(
    database: Database, server: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rested, "_REST_SECONDS", 3600.0)
    with database.read(), database.read():
        assert _answers(database)
    _end_others(server)
    with pytest.raises(ServiceUnavailable, match="the database does not answer"):
        _answers(database)
    with database.read(), database.read():
        assert _answers(database)


def test_a_file_that_another_program_holds_locked_is_something_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ror.db.database, "_BUSY_TIMEOUT_MS", 0)
    file = tmp_path / "ror.sqlite"
    opened, other = Database(f"sqlite:///{file}"), sqlite3.connect(file, isolation_level=None)
    try:
        assert _answers(opened)  # which sets its mode
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(ServiceUnavailable, match="does not answer: OperationalError: database is locked"),
            opened.write(),
        ):
            pass
        other.execute("ROLLBACK")
        with opened.write() as connection:
            assert connection.execute(_ONE).scalar() == 1
    finally:
        other.close()
        opened.close()
