"""A transaction in which Alembic may change the schema, whatever rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

__all__ = ["earlier", "migrating", "revisions"]


@contextmanager
def migrating(writer: sa.Engine, lock: int) -> Iterator[Config]:
    """What Alembic's commands take, for a block that is alone: one transaction, rolled back when it raises.

    SQLite changes a table by making it anew. While it looks after foreign keys, that deletes whatever refers to the
    table, or fails (https://sqlite.org/lang_altertable.html, 7); so they are looked at once, at the end.

    Parameters
    ----------
    writer
        Whose transactions write.
    lock
        The key of the advisory lock, where the database has such.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writer.connect() as connection:
        if connection.dialect.name != "sqlite":
            with connection.begin():
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({lock})"))
                config.attributes["connection"] = connection
                yield config
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect within a transaction
        try:
            with connection.begin():
                before = revisions(connection)
                config.attributes["connection"] = connection
                yield config
                if revisions(connection) != before:
                    _require_foreign_keys(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def revisions(connection: sa.Connection) -> tuple[str, ...]:
    """The revision of the schema; none where there is none."""
    return MigrationContext.configure(connection).get_current_heads()


def earlier(config: Config, revision: str) -> list[str]:
    """The revisions before one, the first of them first."""
    script = ScriptDirectory.from_config(config)
    return [one.revision for one in script.walk_revisions("base", revision or "base")][:0:-1]


def _require_foreign_keys(connection: sa.Connection) -> None:
    if broken := connection.execute(sa.text("PRAGMA foreign_key_check")).all():
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise RuntimeError(f"a migration has left rows of {tables} without what they refer to")
