"""What was done to an object: counts and tag paths, never a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from anonymizer.engine import Tally
from anonymizer.markers import ENGINE_VERSION
from anonymizer.table import EDITION

__all__ = ["Report"]


class Report:
    """One object's report; added up when it is first asked for, for few are read.

    Attributes
    ----------
    edition, profile_digest, engine_version
        By which rules.
    """

    def __init__(self, tally: Callable[[], Tally], profile_digest: str) -> None:
        self.edition = EDITION
        self.profile_digest = profile_digest
        self.engine_version = ENGINE_VERSION
        self._add_up = tally

    @property
    def actions(self) -> tuple[tuple[str, int], ...]:
        """Number of elements per action (`actions.Action`), sorted by name."""
        return tuple(sorted((str(action), count) for action, count in self._tally.counts.items()))

    @property
    def counts(self) -> Mapping[str, int]:
        """The actions as a mapping."""
        return dict(self.actions)

    @property
    def removed(self) -> tuple[str, ...]:
        """Paths of what was removed, ``"(0008,1140)[0](0008,1155)"``."""
        return tuple(self._tally.removed)

    @property
    def cleaned(self) -> tuple[str, ...]:
        """Paths of what was cleaned and came out different."""
        return tuple(self._tally.cleaned)

    @cached_property
    def _tally(self) -> Tally:
        return self._add_up()

    def _facts(self) -> tuple[object, ...]:
        rules = (self.edition, self.profile_digest, self.engine_version)
        return (self.actions, self.removed, self.cleaned, *rules)

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, Report) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._facts())

    def __repr__(self) -> str:
        return f"Report({self.counts}, removed={self.removed}, cleaned={self.cleaned})"
