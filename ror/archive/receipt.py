"""What the index needs to know of an object and its file does not say: it is written into the name of the file.

A file that waits in ``.incoming`` to be indexed is called so; a killed process leaves nothing else of what it knew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Receipt"]

_BETWEEN: Final = "~"  # in no digest, number or name of a project
_SUFFIX: Final = ".waiting"
_NOT_SET: Final = "-"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of which project an object is, what was received (`source_digest`), and the settle time of its route."""

    project: str
    source_digest: str
    settle_seconds: float | None = None

    def file_name(self, sha256: str) -> str:
        """What the file with this content is called; at most 243 bytes, where file systems take 255."""
        wait = _NOT_SET if self.settle_seconds is None else repr(float(self.settle_seconds))
        return _BETWEEN.join((sha256, self.source_digest, wait, self.project)) + _SUFFIX

    @classmethod
    def of(cls, file_name: str) -> tuple[str, Receipt] | None:
        """The SHA-256 and the receipt that a file is named after; None if it is called otherwise."""
        words = file_name.removesuffix(_SUFFIX).split(_BETWEEN)
        if not file_name.endswith(_SUFFIX) or len(words) != 4:
            return None
        sha256, source_digest, wait, project = words
        try:
            return sha256, cls(project, source_digest, None if wait == _NOT_SET else float(wait))
        except ValueError:
            return None
