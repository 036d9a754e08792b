"""Objects that could not be taken in: the only place where identified bytes touch the disk (mode 0700)."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import NotFound
from ror.gateway.received import Received

__all__ = ["Quarantine", "QuarantinedObject"]

_ABOUT_TO_SECONDS = 60.0
_HEAD_BYTES = 1024  # in which the UIDs of an object stand


@dataclass(frozen=True, slots=True)
class QuarantinedObject:
    """One line of ``ror quarantine list``; `detail` tells tag paths and rules, never values."""

    sha256: str
    project: str
    calling_ae: str
    reason: str
    detail: str
    received_at: float


class Quarantine:
    """Keeps refused objects under the SHA-256 of their bytes, so that a resend is not kept twice.

    Projects that refuse the same object share its file, and have a row each.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    def hold(self, received: Received, project: str, reason: str, detail: str) -> QuarantinedObject:
        """Keep an object durably with the latest reason why it was not taken in; `detail` must not quote it."""
        held = QuarantinedObject(
            self._write(received), project, received.calling_ae, reason, detail, time.time()
        )
        with self._database.write() as connection:
            connection.execute(
                self._database.insert(tables.quarantine)
                .values(
                    sha256=held.sha256,
                    project=project,
                    calling_ae=held.calling_ae,
                    reason=reason,
                    detail=detail,
                    received_at=held.received_at,
                )
                .on_conflict_do_update(
                    index_elements=["sha256", "project"], set_={"reason": reason, "detail": detail}
                )
            )
        return held

    def list(self) -> list[QuarantinedObject]:
        """What is held, the latest first."""
        query = sa.select(tables.quarantine).order_by(tables.quarantine.c.received_at.desc())
        with self._database.read() as connection:
            return [
                QuarantinedObject(
                    row.sha256, row.project, row.calling_ae, row.reason, row.detail, row.received_at
                )
                for row in connection.execute(query)
            ]

    def read(self, held: QuarantinedObject) -> Received:
        """The object as it came.

        Raises
        ------
        NotFound
            Its file is gone, or is none that was written here.
        """
        file = self._file(held.sha256)
        try:
            return Received.from_part10(file.read_bytes(), held.calling_ae, called_ae="")
        except (OSError, ValueError) as error:
            raise NotFound(
                f"{file} cannot be read: {type(error).__name__}", "let it be sent again by who has it"
            ) from error

    def sop_instances_of(self, projects: Collection[str], calling_ae: str) -> set[str]:
        """The SOP Instance UIDs, as they came, of what a sender has sent and these projects have refused."""
        table = tables.quarantine.c
        query = sa.select(table.sha256).where(table.project.in_(projects), table.calling_ae == calling_ae)
        with self._database.read() as connection:
            digests = set(connection.execute(query).scalars())
        return set(filter(None, map(self._sop_instance_of, digests)))

    def _sop_instance_of(self, sha256: str) -> str:
        try:
            with self._file(sha256).open("rb") as file:
                return Received.from_part10(file.read(_HEAD_BYTES), "", "").sop_instance_uid
        except (OSError, ValueError):  # it is gone, or has a UID that nobody asks for
            return ""

    def forget(self, held: QuarantinedObject) -> None:
        """Let go what is in the archive now; the file goes with the last project that held it."""
        table = tables.quarantine
        with self._database.write() as connection:
            # The file first: a row without it says what is missing, a file without a row would be kept for ever.
            others = sa.select(table.c.project).where(
                table.c.sha256 == held.sha256, table.c.project != held.project
            )
            if connection.execute(others).first() is None:
                self._file(held.sha256).unlink(missing_ok=True)
            connection.execute(
                table.delete().where(table.c.sha256 == held.sha256, table.c.project == held.project)
            )

    def discard_unfinished(self) -> int:
        """Remove what a killed process had begun to keep and never told of; return how many files.

        What has no row is removed once it is too old to be of another process that is about to write one.
        """
        with self._database.read() as connection:
            known = set(connection.execute(sa.select(tables.quarantine.c.sha256)).scalars())
        longest_ago = time.time() - _ABOUT_TO_SECONDS
        unfinished = list(self.folder.glob("*.part"))
        for file in self.folder.glob("*.dcm"):
            if file.stem not in known and file.stat().st_mtime < longest_ago:
                unfinished.append(file)
        for file in unfinished:
            file.unlink(missing_ok=True)
        return len(unfinished)

    def _file(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.dcm"

    def _write(self, received: Received) -> str:
        """Write an object durably under its SHA-256, which is returned."""
        # Two associations may bring the same object at once, each with a file of its own until it is complete.
        temporary, digest = self.folder / f"{uuid.uuid4().hex}.part", hashlib.sha256()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                for block in received.part10():
                    digest.update(block)
                    stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._file(digest.hexdigest()))
        finally:
            temporary.unlink(missing_ok=True)
        return digest.hexdigest()
