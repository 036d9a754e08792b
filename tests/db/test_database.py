"""One look: what a thread reads in one transaction; and short questions, which do without one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import ConfigurationError

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


def test_a_look_within_a_look_is_part_of_it_and_does_not_end_it(database: Database) -> None:
    with database.one_look(), database.read() as first:
        with database.one_look(), database.read() as within:
            assert within is first
        with database.read() as behind:
            assert behind is first


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


# -- short questions --------------------------------------------------------------------------------------------------

_CREATED = sa.select(tables.projects.c.created_at).where(tables.projects.c.name == sa.bindparam("name"))


def test_a_short_question_sees_what_was_committed_and_nothing_else(database: Database) -> None:
    assert database.first(_CREATED, name="lungs") is None
    with database.write() as connection:
        connection.execute(
            tables.projects.insert().values({"name": "lungs", "settings": {}, "created_at": 2.5})
        )
        assert database.first(_CREATED, name="lungs") is None
    assert tuple(database.first(_CREATED, name="lungs")) == (2.5,)
    assert database.first(_CREATED, name="heads") is None


def test_threads_that_ask_at_once_get_their_own_answers(database: Database) -> None:
    for number in range(8):
        with database.write() as connection:
            row = {"name": f"p{number}", "settings": {}, "created_at": float(number)}
            connection.execute(tables.projects.insert().values(row))
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(50):
            if database.first(_CREATED, name=f"p{number}")[0] != number:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_version_differs_when_anybody_has_committed_something_and_only_then(database: Database) -> None:
    other = Database(database.url)
    versions = [database.version(), database.version()]
    names(database)
    versions.append(database.version())
    assert len(set(versions)) == 1
    for number, writer in enumerate((database, other, database, other)):
        add(writer, f"p{number}")
        versions.append(database.version())
    assert len(set(versions)) == 5
    other.close()


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_server_is_not_asked_for_its_version(database: Database) -> None:
    assert database.version() is None


def test_a_file_that_is_no_database_is_told_also_to_a_short_question(tmp_path: Path) -> None:
    (tmp_path / "ror.sqlite").write_bytes(b"no database, " * 1000)
    broken = Database(f"sqlite:///{tmp_path / 'ror.sqlite'}")
    assert broken.version() is None
    with pytest.raises(ConfigurationError, match="is no database"):
        broken.first(_CREATED, name="lungs")
    broken.close()
