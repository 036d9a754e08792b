"""Which revision the tables have. Without Alembic, which every command would wait for only to hear that all is well."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

__all__ = ["newest_revision", "revision_of"]

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
_TABLE = "alembic_version"
_REVISION: sa.Select[str] = sa.select(sa.column("version_num", sa.String())).select_from(sa.table(_TABLE))


def newest_revision() -> str:
    """The revision that the last migration, by the names of their files, brings the tables to."""
    return max(file.name for file in _MIGRATIONS.glob("[0-9]*.py")).partition("_")[0]


def revision_of(connection: sa.Connection) -> str:
    """The revision of the tables; empty without tables."""
    if not connection.dialect.has_table(connection, _TABLE):
        return ""
    return ", ".join(sorted(connection.execute(_REVISION).scalars()))
