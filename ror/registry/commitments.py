"""Storage commitment that we have asked of a PACS: which requests are open, and what it has said to them.

Whoever asks is not always who is told: the result may come to the listener of another process, hours later. UIDs are
kept as keyed digests only, for those of a clinical PACS are identified.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from ror.db import Database, tables

__all__ = ["AskedCommitment", "CommitmentStore"]

_KEPT_SECONDS: Final = 30 * 86400.0  # nobody tells after that
_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class AskedCommitment:
    """A request; `asked_at` is in seconds since the epoch, `kept` None until the PACS has told."""

    transaction_uid: str
    asked_at: float
    kept: frozenset[str] | None

    def keeps(self, sop_uid: str) -> bool:
        """Whether the PACS has said that it keeps an instance."""
        return self.kept is not None and _digest(self.transaction_uid, sop_uid) in self.kept


class CommitmentStore:
    """Requests in the database, found by the PACS and the instances that they name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, destination: str, sop_uids: Collection[str], now: float) -> AskedCommitment:
        """Note a new request, in place of an earlier one of the same instances, before it is sent."""
        table, asked = tables.commitments, AskedCommitment(f"2.25.{uuid.uuid4().int}", now, None)
        objects = _objects(sop_uids)
        same = (table.c.destination == destination) & (table.c.objects == objects)
        with self._database.write() as connection:
            connection.execute(table.delete().where(same | (table.c.asked_at < now - _KEPT_SECONDS)))
            connection.execute(
                table.insert().values(
                    transaction_uid=asked.transaction_uid,
                    destination=destination,
                    objects=objects,
                    asked_at=now,
                )
            )
        return asked

    def asked(self, destination: str, sop_uids: Collection[str]) -> AskedCommitment | None:
        """The open request of these instances."""
        table = tables.commitments
        query = sa.select(table).where(
            table.c.destination == destination, table.c.objects == _objects(sop_uids)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        kept = None if row.kept is None else frozenset(row.kept)
        return AskedCommitment(row.transaction_uid, row.asked_at, kept)

    def told(self, transaction_uid: str, sop_uids: Iterable[str]) -> bool:
        """A PACS has told which instances it keeps; False if nobody has asked, or does not wait any more."""
        table = tables.commitments
        kept = sorted(_digest(transaction_uid, uid) for uid in sop_uids)
        update = table.update().where(table.c.transaction_uid == transaction_uid).values(kept=kept)
        with self._database.write() as connection:
            return bool(connection.execute(update).rowcount)

    def close(self, transaction_uid: str) -> None:
        """Nobody waits for it any more."""
        table = tables.commitments
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.transaction_uid == transaction_uid))


def _digest(transaction_uid: str, sop_uid: str) -> str:
    # Of the transaction too, which nobody can guess: so the digests of one UID are never the same.
    return hashlib.sha256(f"{transaction_uid}\0{sop_uid}".encode()).hexdigest()[:_DIGITS]


def _objects(sop_uids: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(sorted(sop_uids)).encode()).hexdigest()
