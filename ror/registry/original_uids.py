"""The way back from UIDs of research to those that objects came with, sealed one by one (`ror.registry.cipher`).

Only results that go to a clinical PACS need it: a segmentation names each image that it lies on. So it is kept only
where a project delivers under the original identity, and is as short as can be, for it travels in names of files
until it is indexed (`ror.archive.Receipt`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from ror.archive import add_original_uids
from ror.db import Database, in_batches, tables
from ror.registry.cipher import PlaceCipher

__all__ = ["OriginalUids"]

_UID: Final = re.compile(r"[0-9.]{1,64}")
_SIGNS: Final = "0123456789a"  # the dot is the eleventh
_MOST_KNOWN: Final = 10_000


class OriginalUids:
    """Seals UIDs of a project, and opens those that were kept; used by any number of threads.

    `read_key` reads the key of a project's identities, and raises `ConfigurationError` where it is lost.
    """

    def __init__(self, database: Database, read_key: Callable[[str], bytes]) -> None:
        self._database = database
        self._read_key = read_key
        self._ciphers: dict[str, PlaceCipher] = {}
        self._known: dict[tuple[str, str], None] = {}

    def sealed(self, project: str, originals: Mapping[str, str]) -> dict[str, bytes]:
        """Seal original UIDs, by their UIDs of research; what is no UID (PS3.5 9.1) has no way back.

        Raises
        ------
        ConfigurationError
            The key is lost.
        """
        cipher = self._cipher(project)
        return {
            uid: cipher.seal(_packed(original), _place(project, uid))
            for uid, original in originals.items()
            if _UID.fullmatch(original)
        }

    def unknown(self, project: str, uids: Iterable[str]) -> set[str]:
        """Those of which this process cannot say that they are kept already."""
        return {uid for uid in uids if (project, uid) not in self._known}

    def note_known(self, project: str, uids: Iterable[str]) -> None:
        """These are kept, that is committed."""
        for uid in uids:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[project, uid] = None

    def holds(self, project: str, uid: str) -> bool:
        """Whether the way back of a UID is kept."""
        table = tables.original_uids
        query = sa.select(table.c.uid).where(table.c.project == project, table.c.uid == uid)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def keep(self, project: str, sealed: Mapping[str, bytes]) -> None:
        """Keep the way back of UIDs, each once."""
        with self._database.write() as connection:
            add_original_uids(self._database, connection, project, sealed)

    def opened(self, project: str, uids: Collection[str]) -> dict[str, str]:
        """The original UIDs of those that were kept; identified.

        Raises
        ------
        ConfigurationError
            The key is lost, or another one.
        """
        cipher, table = self._cipher(project), tables.original_uids
        query = sa.select(table.c.uid, table.c.sealed).where(table.c.project == project)
        with self._database.read() as connection:
            rows = [
                row
                for some in in_batches(sorted(uids))
                for row in connection.execute(query.where(table.c.uid.in_(some)))
            ]
        return {row.uid: _unpacked(cipher.open(row.sealed, _place(project, row.uid))) for row in rows}

    def _cipher(self, project: str) -> PlaceCipher:
        if project not in self._ciphers:
            self._ciphers[project] = PlaceCipher(self._read_key(project))
        return self._ciphers[project]


def _place(project: str, uid: str) -> bytes:
    # The UID of research is a keyed digest of the original one, so no two originals have one place.
    return json.dumps([project, uid]).encode()


def _packed(uid: str) -> bytes:
    """A number to the base 11 behind a one, for zeros at its beginning: 64 characters in 28 bytes."""
    number = int("1" + uid.replace(".", "a"), len(_SIGNS))
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _unpacked(packed: bytes) -> str:
    number, signs = int.from_bytes(packed, "big"), []
    while number > 1:
        number, sign = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[sign])
    return "".join(reversed(signs)).replace("a", ".")
