"""Jobs that have ended, as many as wanted, in the tables of a service and of its durable engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

__all__ = ["multiply"]

# Of each table, what names the job; a table comes behind those that it refers to.
_OURS = {"jobs": "id", "job_steps": "job_id"}
_DURABLE = {"workflow_status": "workflow_uuid", "operation_outputs": "workflow_uuid"}
_DURABLE_SCHEMA = "dbos"


def multiply(url: str, checkpoints_url: str, wanted: int) -> None:
    """Copy the jobs that there are, with all that was written of them, until there are about so many.

    They must have ended, and nobody may work on them meanwhile.
    """
    schema = _DURABLE_SCHEMA if url == checkpoints_url else None
    with _writing(url) as connection:
        there = connection.scalar(sa.text("SELECT count(*) FROM jobs"))
        times = wanted // max(there or 0, 1)
        _copy(connection, _OURS, None, times)
    with _writing(checkpoints_url) as connection:
        _copy(connection, _DURABLE, schema, times)


@contextmanager
def _writing(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
        if (
            engine.dialect.name == "postgresql"
        ):  # which does so by itself, some minutes later; nobody does for SQLite
            with engine.connect() as connection:
                connection.execute(sa.text("ANALYZE"))
                connection.commit()
    finally:
        engine.dispose()


def _copy(connection: sa.Connection, keys: dict[str, str], schema: str | None, times: int) -> None:
    numbers = sa.select(sa.literal(1).label("number")).cte("numbers", recursive=True)
    following = sa.select(numbers.c.number + 1).where(numbers.c.number < times)
    numbers = numbers.union_all(following)
    for name, key in keys.items():
        table = sa.Table(name, sa.MetaData(schema=schema), autoload_with=connection)
        of_copy = table.c[key].concat("-").concat(sa.cast(numbers.c.number, sa.String))
        values = [of_copy if column.name == key else column for column in table.c]
        copies = sa.select(*values).select_from(table.join(numbers, sa.true()))
        connection.execute(table.insert().from_select([column.name for column in table.c], copies))
