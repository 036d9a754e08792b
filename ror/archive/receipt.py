"""What the index needs to know of an object and its file does not say: it is written into the name of the file.

A file that waits in ``.incoming`` to be indexed is called so; a killed process leaves nothing else of what it knew.
With a way back to the original UID, digests are written shorter, for a name of a file has at most 255 bytes.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Receipt"]

_BETWEEN: Final = "~"  # in no digest, number, name of a project or Base64
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]*")
_SUFFIX: Final = ".waiting"
_NOT_SET: Final = "-"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of which project an object is, what was received (`source_digest`), and the settle time of its route.

    `sealed` is its original UID, at most 44 bytes, where the project keeps it (`ror.registry.OriginalUids`); digests
    are then 64 hexadecimal digits.
    """

    project: str
    source_digest: str
    settle_seconds: float | None = None
    sealed: bytes = field(default=b"", repr=False)

    def file_name(self, sha256: str) -> str:
        """What the file with this content is called; at most 246 bytes, where file systems take 255."""
        wait = _NOT_SET if self.settle_seconds is None else repr(float(self.settle_seconds))
        words = [sha256, self.source_digest, wait, self.project]
        if self.sealed:
            words = [_short(sha256), _short(self.source_digest), wait, self.project, _base64(self.sealed)]
        return _BETWEEN.join(words) + _SUFFIX

    @classmethod
    def of(cls, file_name: str) -> tuple[str, Receipt] | None:
        """The SHA-256 and the receipt that a file is named after; None if it is called otherwise."""
        words = file_name.removesuffix(_SUFFIX).split(_BETWEEN)
        if not file_name.endswith(_SUFFIX) or len(words) not in (4, 5):
            return None
        sha256, source_digest, wait, project, *sealed = words
        try:
            settle_seconds = None if wait == _NOT_SET else float(wait)
            if not sealed:
                return sha256, cls(project, source_digest, settle_seconds)
            digest = _bytes(source_digest).hex()
            return _bytes(sha256).hex(), cls(project, digest, settle_seconds, _bytes(sealed[0]))
        except ValueError:
            return None


def _short(digest: str) -> str:
    return _base64(bytes.fromhex(digest))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    """`ValueError` for what `_base64` does not write."""
    if not _BASE64.fullmatch(text):
        raise ValueError("no Base64")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
