"""What is asked many times a second, or in each step of a job, is found by an index, however many jobs have ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from ror.engine import held, jobs, placing

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": statement
    for module in (placing, held, jobs)
    for name, statement in vars(module).items()
    if isinstance(statement, sa.Select | sa.Update)
}


@pytest.fixture
def connection(migrated_sqlite: Path, tmp_path: Path) -> Iterator[sa.Connection]:
    database = Database(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'ror.sqlite')}")
    with database.read() as connection:
        yield connection
        connection.rollback()
    database.close()


def plan_of(connection: sa.Connection, statement: sa.Select[Any] | sa.Update) -> list[str]:
    """What SQLite would do, step by step."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        sent.append((text, values))

    sa.event.listen(connection, "before_cursor_execute", note)
    wanted = {name: 1 for name, value in statement.compile().params.items() if value is None}
    connection.execute(statement, wanted)
    sa.event.remove(connection, "before_cursor_execute", note)
    text, values = sent[-1]
    return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]


def test_there_is_something_to_look_at() -> None:
    assert {"placing._LINES", "held._LOCKED", "jobs._OF_ID"} <= STATEMENTS.keys()


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_question_of_the_engine_reads_all_jobs(connection: sa.Connection, name: str) -> None:
    steps = plan_of(connection, STATEMENTS[name])
    assert steps
    assert not [step for step in steps if step.startswith(("SCAN jobs", "SCAN job_steps"))]


def test_a_question_that_reads_all_jobs_is_noticed(connection: sa.Connection) -> None:
    beginning = sa.select(tables.jobs).where(tables.jobs.c.id.startswith("box"))
    assert plan_of(connection, beginning) == ["SCAN jobs"]
