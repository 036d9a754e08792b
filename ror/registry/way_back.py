"""The way back of results: under which identity, and which UIDs, a clinical PACS gets what research has found."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from anonymizer import OriginalIdentity
from ror.hashed_uid import hashed_uid
from ror.registry.audit import AuditLog
from ror.registry.cipher import subkey
from ror.registry.original_uids import OriginalUids

__all__ = ["WayBack"]

_ACTION = "deliver as original"


@dataclass(frozen=True, slots=True)
class WayBack:
    """The way back of one project, for the process that delivers its results. What it gives is identified.

    Every method that opens something raises `ConfigurationError` where the key is lost, or another one.
    """

    project: str
    _open: Callable[[str, str], OriginalIdentity | None] = field(repr=False)
    _uids: OriginalUids = field(repr=False)
    _read_key: Callable[[str], bytes] = field(repr=False)
    _audit: AuditLog = field(repr=False)

    def identity(self, pseudonym: str, study_uid: str) -> OriginalIdentity | None:
        """Whose a study of the archive is; None where that was not kept."""
        return self._open(pseudonym, study_uid)

    def originals(self, uids: Collection[str]) -> dict[str, str]:
        """The original UIDs of those of the archive that were kept."""
        return self._uids.opened(self.project, uids)

    def of_result(self, uid: str) -> str:
        """The UID that something of ours has in the clinical PACS, always the same one (``2.25``, PS3.5 B.2).

        It is keyed, so that nobody finds the research copy by the clinical one.
        """
        key = subkey(self._read_key(self.project), "UIDs of results")
        return hashed_uid(hmac.digest(key, uid.encode(), hashlib.sha256))

    def put_on_record(self, pseudonym: str, detail: str) -> None:
        """Say, once, that results of a pseudonym go somewhere under the original identity; before they do."""
        self._audit.record_once(_ACTION, self.project, pseudonym, detail)
