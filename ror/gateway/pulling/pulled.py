"""What became of a pull: numbers, and studies by their research UIDs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ror.gateway.importing import Outcome

__all__ = ["Failed", "Pulled"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A study that did not come as a whole. The next pull fetches it again."""

    study_uid: str  # of the research study
    what: str
    advice: str


@dataclass(slots=True)
class Pulled:
    """So far; `complete` is False where somebody has asked to stop, or more than the limit was found.

    Attributes
    ----------
    found, before
        Studies that match, and those of them that were pulled before.
    done
        Studies that have come as a whole.
    objects
        By what became of them, but of those that a listener has taken in for us.
    waiting
        Why nothing is fetched now.
    """

    found: int = 0
    before: int = 0
    done: int = 0
    failed: list[Failed] = field(default_factory=list)
    objects: Counter[tuple[Outcome, str]] = field(default_factory=Counter)
    complete: bool = False
    waiting: str = ""

    def count(self, outcome: Outcome) -> int:
        """Objects of one outcome, for whatever reason."""
        return sum(number for (its, _reason), number in self.objects.items() if its is outcome)
