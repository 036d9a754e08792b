"""What was done to an object: counts and tag paths, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ENGINE_VERSION", "Report"]

ENGINE_VERSION = "0.1"


@dataclass(frozen=True, slots=True)
class Report:
    """One object's report.

    Attributes
    ----------
    actions
        Number of elements per action (`plan.Action`), sorted by name.
    removed, cleaned
        Paths of what was removed and of what was cleaned and came out different,
        ``"(0008,1140)[0](0008,1155)"``.
    edition, profile_digest, engine_version
        By which rules.
    """

    actions: tuple[tuple[str, int], ...]
    removed: tuple[str, ...]
    cleaned: tuple[str, ...]
    edition: str
    profile_digest: str
    engine_version: str = ENGINE_VERSION

    @property
    def counts(self) -> Mapping[str, int]:
        """The actions as a mapping."""
        return dict(self.actions)
