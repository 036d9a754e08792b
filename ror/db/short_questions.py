"""Short questions to SQLite, asked with every object: to begin and end a transaction costs ten times what they do."""

from __future__ import annotations

import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

__all__ = ["ShortQuestions"]

_NAMED = SQLiteDialect_pysqlite(paramstyle="named")  # :name, as sqlite3 takes a mapping


class ShortQuestions:
    """A connection of its own that any number of threads ask by turns; it never writes, and holds no transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: Any = None
        self._texts: dict[int, tuple[sa.Select[Any], str]] = {}

    def version(self) -> int:
        """What differs as soon as anybody has committed anything (``PRAGMA data_version``)."""
        return int(self._ask("PRAGMA data_version", {})[0])

    def first(self, question: sa.Select[Any], values: dict[str, str]) -> Any:
        """The first row, or None; the question is the same object every time."""
        return self._ask(self._text(question), values)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _text(self, question: sa.Select[Any]) -> str:
        known = self._texts.get(id(question))
        if known is None:
            known = self._texts[id(question)] = question, str(question.compile(dialect=_NAMED))
        return known[1]

    def _ask(self, text: str, values: dict[str, str]) -> Any:
        with self._lock:
            if self._connection is None:
                kept = self._engine.raw_connection()
                self._connection = kept.driver_connection
                kept.detach()  # the pool has as many for the others as before
            return self._connection.execute(text, values).fetchone()
