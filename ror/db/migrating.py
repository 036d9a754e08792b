"""Changes of the schema by Alembic, each in one transaction, whatever rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ror.db.revision import revision_of
from ror.errors import ConfigurationError, NotFound

__all__ = ["downgrade", "migrating", "upgrade"]


def upgrade(writer: sa.Engine, lock: int) -> None:
    """Bring the schema to the newest revision.

    Parameters
    ----------
    writer
        Whose transactions write.
    lock
        The key of the advisory lock, where the database has such.

    Raises
    ------
    ConfigurationError
        It is of a later release.
    """
    with migrating(writer, lock) as config:
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigurationError(
                f"the database is of a later release: {error}", advice="install that release of ror"
            ) from error


def downgrade(writer: sa.Engine, lock: int, revision: str) -> None:
    """Bring the schema back to an earlier revision; parameters as of `upgrade`.

    Raises
    ------
    NotFound
        There is no such revision behind the present one.
    """
    with migrating(writer, lock) as config:
        try:
            command.downgrade(config, revision)
        except CommandError as error:
            known = ", ".join(_earlier(config, revision_of(config.attributes["connection"])))
            raise NotFound(
                f"the database cannot go back to {revision}: {error}",
                f"say to which revision: {known or 'there is no earlier one'}",
            ) from error


@contextmanager
def migrating(writer: sa.Engine, lock: int) -> Iterator[Config]:
    """What Alembic's commands take, for a block that is alone: one transaction, rolled back when it raises.

    SQLite changes a table by making it anew. While it looks after foreign keys, that deletes whatever refers to the
    table, or fails (https://sqlite.org/lang_altertable.html, 7); so they are looked at once, at the end.
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
                before = revision_of(connection)
                config.attributes["connection"] = connection
                yield config
                if revision_of(connection) != before:
                    _require_foreign_keys(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _earlier(config: Config, revision: str) -> list[str]:
    """The revisions before one, the first of them first."""
    script = ScriptDirectory.from_config(config)
    return [one.revision for one in script.walk_revisions("base", revision or "base")][:0:-1]


def _require_foreign_keys(connection: sa.Connection) -> None:
    if broken := connection.execute(sa.text("PRAGMA foreign_key_check")).all():
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise RuntimeError(f"a migration has left rows of {tables} without what they refer to")
