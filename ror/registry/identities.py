"""The way back to the patient: original identities, sealed with a key that is in a file and not in the database."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from anonymizer import OriginalIdentity
from ror.db import Database, tables
from ror.errors import NotAllowed, NotFound, RorError
from ror.registry.audit import AuditLog
from ror.registry.cipher import Cipher, make_key_file, read_key_file
from ror.registry.original_uids import OriginalUids
from ror.registry.role import Role, caller
from ror.registry.way_back import WayBack

__all__ = ["IdentityStore", "OpenedIdentity"]


@dataclass(frozen=True, slots=True)
class OpenedIdentity:
    """Whose a study of the archive is; only for the one who asked."""

    study_uid: str
    original: OriginalIdentity = field(repr=False)


class IdentityStore:
    """Keeps one sealed row for each study and pseudonym, and opens them on record."""

    def __init__(self, database: Database, secrets_folder: Path, audit: AuditLog) -> None:
        self._database = database
        self._secrets = secrets_folder
        self._audit = audit
        self._ciphers: dict[str, Cipher] = {}
        self.uids = OriginalUids(database, self._read_key)

    def key_file(self, project: str) -> Path:
        """Where the key of a project lies."""
        return self._secrets / f"{project}.identities.key"

    def make_key(self, project: str) -> bool:
        """Make the key of a project; False if it has one.

        Raises
        ------
        ConfigurationError
            The key is lost while there are rows that it would open, or encryption is not to be had here.
        """
        table = tables.identities
        query = sa.select(table.c.study_uid).where(table.c.project == project).limit(1)
        with self._database.read() as connection:
            sealed = connection.execute(query).first() is not None
        if sealed:
            read_key_file(self.key_file(project))
        return make_key_file(self.key_file(project))

    def check(self, project: str) -> None:
        """`ConfigurationError` if identities of the project could not be sealed now."""
        Cipher(read_key_file(self.key_file(project)))

    def keep(self, project: str, pseudonym: str, study_uid: str, original: OriginalIdentity) -> None:
        """Seal the identity behind a study, once.

        Raises
        ------
        ConfigurationError
            The key is lost.
        """
        table = tables.identities
        same = (
            (table.c.project == project) & (table.c.study_uid == study_uid) & (table.c.pseudonym == pseudonym)
        )
        with self._database.read() as connection:
            if connection.execute(sa.select(table.c.study_uid).where(same)).first() is not None:
                return
        text = json.dumps(asdict(original)).encode()
        sealed = self._cipher(project).seal(text, _place(project, pseudonym, study_uid))
        with self._database.write() as connection:
            connection.execute(
                self._database.insert(table)
                .values(
                    project=project,
                    pseudonym=pseudonym,
                    study_uid=study_uid,
                    sealed=sealed,
                    sealed_at=time.time(),
                )
                .on_conflict_do_nothing()
            )

    def authorise_delivery(self, project: str, role: Role) -> None:
        """Put on record that results of a project may go to clinical PACS under the original identity from now on.

        Raises
        ------
        NotAllowed
            The one who runs this process has not the role; that is on record, too.
        ConfigurationError
            No key is there: the project keeps no identities.
        """
        try:
            _require(role)
            self.check(project)
        except RorError as error:
            self._audit.record("allow original refused", project, detail=_why(error))
            raise
        self._audit.record("allow original", project)

    def way_back(self, project: str) -> WayBack:
        """The way back of a project's results, for the service that delivers them."""

        def identity(pseudonym: str, study_uid: str) -> OriginalIdentity | None:
            rows = [one for one in self._rows(project, pseudonym) if one.study_uid == study_uid]
            return (
                _original(self._cipher(project), project, pseudonym, study_uid, rows[0].sealed)
                if rows
                else None
            )

        return WayBack(project, identity, self.uids, self._read_key, self._audit)

    def open(
        self, project: str, pseudonym: str, purpose: str, role: Role, key_file: Path | None = None
    ) -> list[OpenedIdentity]:
        """The identities behind a pseudonym, by study; who asked for them is on record before they are opened.

        So is who asks in vain; a word that is no pseudonym is not, as it may be the patient's own id.

        Raises
        ------
        NotAllowed
            The one who runs this process has not the role.
        NotFound
            None was kept.
        ConfigurationError
            The key is not there, or another one.
        """
        rows = self._rows(project, pseudonym)
        try:
            _require(role)
            if not rows:
                raise NotFound(
                    f"project {project} has kept no identity of that pseudonym",
                    "see `ror project list` and `ror studies`; "
                    "`ror pseudonyms set --keep-identities` holds for what comes after it",
                )
            cipher = Cipher(read_key_file(key_file or self.key_file(project)))
        except RorError as error:
            action = "reidentify refused" if isinstance(error, NotAllowed) else "reidentify failed"
            known = (project if self._is_project(project) else "", pseudonym if rows else "")
            self._audit.record(action, *known, f"{purpose} ({_why(error)})")
            raise
        self._audit.record("reidentify", project, pseudonym, purpose)
        return [
            OpenedIdentity(row.study_uid, _original(cipher, project, pseudonym, row.study_uid, row.sealed))
            for row in rows
        ]

    def _read_key(self, project: str) -> bytes:
        return read_key_file(self.key_file(project))

    def _cipher(self, project: str) -> Cipher:
        if project not in self._ciphers:
            self._ciphers[project] = Cipher(self._read_key(project))
        return self._ciphers[project]

    def _rows(self, project: str, pseudonym: str) -> Sequence[sa.Row[Any]]:
        table = tables.identities
        query = (
            sa.select(table)
            .where(table.c.project == project, table.c.pseudonym == pseudonym)
            .order_by(table.c.sealed_at, table.c.study_uid)
        )
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _is_project(self, name: str) -> bool:
        table = tables.projects
        with self._database.read() as connection:
            return connection.execute(sa.select(table.c.name).where(table.c.name == name)).first() is not None


def _why(error: RorError) -> str:
    if isinstance(error, NotAllowed):
        return "has not the role"
    return "no such pseudonym" if isinstance(error, NotFound) else "the key cannot be used"


def _require(role: Role) -> None:
    if not role.is_held:
        raise NotAllowed(
            f"{caller()} may not open identities",
            "who may, users and @groups of this system, stands in ror.toml: [reidentify] users = [...]",
        )


def _original(
    cipher: Cipher, project: str, pseudonym: str, study_uid: str, sealed: bytes
) -> OriginalIdentity:
    text = cipher.open(sealed, _place(project, pseudonym, study_uid))
    return OriginalIdentity(**json.loads(text))


def _place(project: str, pseudonym: str, study_uid: str) -> bytes:
    return json.dumps([project, pseudonym, study_uid]).encode()
