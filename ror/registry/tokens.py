"""Tokens of those who come by HTTP: to which project, and what they may do there; or as which host they work.

Only their digests are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import AlreadyExists, ConfigurationError, NotFound
from ror.registry.audit import add_record

__all__ = ["Right", "Token", "TokenStore"]

# It stands where the calling AE title of a sender stands (PS3.5 6.2), in quarantine for example.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,15}")
_PREFIX = "ror_"
_SECRET_BYTES = 32
_MOST_CHARACTERS = 256
_table = tables.tokens.c
_TOKENS = sa.select(
    _table.digest,
    _table.name,
    _table.project,
    _table.host,
    _table.may_store,
    _table.may_read,
    _table.may_submit,
    _table.added_at,
)
# Each request asks this.
_OF_DIGEST = _TOKENS.where(_table.digest == sa.bindparam("of_digest"))


class Right(StrEnum):
    """What the holder of a token may do: in its project, or `WORK` for every project, as a host."""

    STORE = "store"
    READ = "read"
    SUBMIT = "submit"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Token:
    """One line of ``ror token list``: all but the token itself, which nobody can tell any more.

    That of a `host` has no project: it opens what the jobs need that this host has been given.
    """

    name: str
    project: str
    rights: frozenset[Right]
    added_at: float
    host: str = ""


class TokenStore:
    """Tokens in the database, as SHA-256: they are random, so that a slow digest would protect nothing more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, project: str, rights: frozenset[Right]) -> str:
        """Make a token and return it, this once; the project must exist.

        Raises
        ------
        ConfigurationError
            The name is none, or there is nothing that the holder may do.
        AlreadyExists
            There is a token of that name.
        """
        if not rights or Right.WORK in rights:
            raise ConfigurationError(
                "the token may do nothing in its project",
                advice="say --may store, read or submit, or some of them with commas",
            )
        return self._add(name, rights, project)

    def add_host(self, name: str, host: str) -> str:
        """Make a token of the worker of this name and return it, as `add`; the host need not be there yet."""
        return self._add(name, frozenset({Right.WORK}), host=host)

    def _add(self, name: str, rights: frozenset[Right], project: str = "", host: str = "") -> str:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no name of a token",
                advice="use 1 to 16 letters, digits, _, . and -, beginning with a letter or digit",
            )
        token = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "name": name,
            "project": project or None,
            "host": host or None,
            "may_store": Right.STORE in rights,
            "may_read": Right.READ in rights,
            "may_submit": Right.SUBMIT in rights,
            "digest": _digest(token),
            "added_at": time.time(),
        }
        with self._database.write() as connection:
            insert = self._database.insert(tables.tokens).values(row)
            added = connection.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
            if added.rowcount:
                may = f"{', '.join(sorted(rights))}{f' as host {host}' if host else ''}"
                add_record(connection, "add token", project, detail=f"{name} may {may}")
        if not added.rowcount:
            raise AlreadyExists(f"there is a token {name} already", "choose another name, or remove it first")
        return token

    def remove(self, name: str) -> None:
        """Let a token open nothing any more, from the next request on (`NotFound` if there is none of that name)."""
        with self._database.write() as connection:
            removed = connection.execute(
                tables.tokens.delete().where(_table.name == name).returning(_table.project)
            ).first()
            if removed is not None:
                add_record(connection, "remove token", removed.project or "", detail=name)
        if removed is None:
            raise NotFound(f"there is no token {name}", "see `ror token list`")

    def list(self) -> list[Token]:
        """All tokens, by name."""
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(_TOKENS.order_by(_table.name))]

    def find(self, token: str) -> Token | None:
        """What this token opens, or None: nothing."""
        if not token.startswith(_PREFIX) or len(token) > _MOST_CHARACTERS or not token.isascii():
            return None
        digest = _digest(token)
        row = self._database.first(_OF_DIGEST, of_digest=digest)
        # How long the index looks for a digest tells nothing of a token; the comparison is not left to it.
        return _token(row) if row is not None and hmac.compare_digest(row[0], digest) else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def _token(row: Sequence[Any]) -> Token:
    """Of a row of `_TOKENS`, which has no names where SQLite was asked a short question."""
    _of, name, project, host, may_store, may_read, may_submit, added_at = row
    held = {
        Right.STORE: may_store,
        Right.READ: may_read,
        Right.SUBMIT: may_submit,
        Right.WORK: host is not None,
    }
    rights = frozenset(right for right, has in held.items() if has)
    return Token(name, project or "", rights, added_at, host or "")
