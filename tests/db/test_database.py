"""One look: what a thread reads in one transaction."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from ror.db import Database, tables

_NAMES = sa.select(tables.projects.c.name)


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(_NAMES).scalars())


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(tables.projects.insert().values({"name": name, "settings": {}, "created_at": 0.0}))


def test_reads_within_one_look_are_of_one_transaction_and_those_behind_it_are_not(database: Database) -> None:
    with database.one_look(), database.read() as one, database.read() as other:
        assert one is other
    with database.read() as one, database.read() as other:
        assert one is not other


def test_what_was_written_is_seen_by_the_next_look(database: Database) -> None:
    for name in ("lungs", "heads"):
        add(database, name)
        with database.one_look():
            assert name in names(database)


def test_a_look_that_fails_is_over(database: Database) -> None:
    with pytest.raises(KeyError), database.one_look():
        raise KeyError
    add(database, "lungs")
    assert names(database) == ["lungs"]


def test_another_thread_looks_for_itself(database: Database) -> None:
    seen = []
    with database.one_look(), database.read() as mine:

        def look() -> None:
            with database.read() as theirs:
                seen.append(theirs is mine)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [False]
