"""What became of the files of an import: counts and reasons, never a value and, but for the operator, never a name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ror.errors import ServiceUnavailable
from ror.gateway.answer import Answer, Status

__all__ = ["Done", "Imported", "Outcome", "outcome_of"]


class Outcome(StrEnum):
    """What became of one file."""

    TAKEN_IN = "taken_in"  # in the archive since now
    HELD = "held"  # in the archive since before
    QUARANTINED = "quarantined"
    REFUSED = "refused"  # an object that could not be read, is missing, or was withdrawn
    SKIPPED = "skipped"  # no object


def outcome_of(answer: Answer) -> tuple[Outcome, str]:
    """What became of an object, and why, by what the intake answers.

    Raises
    ------
    ServiceUnavailable
        It takes nothing now.
    """
    if answer.status is Status.SUCCESS:
        return (Outcome.HELD if answer.held else Outcome.TAKEN_IN), ""
    if answer.reason:
        return Outcome.QUARANTINED, answer.reason
    if answer.status is Status.WITHDRAWN:
        return Outcome.REFUSED, "withdrawn"
    raise ServiceUnavailable(
        f"the archive takes nothing now: {answer.comment}",
        "see log/ror.log in the home folder, and run the same command again: it goes on where it stopped",
    )


@dataclass(frozen=True, slots=True)
class Done:
    """One file. `name` is for the operator's list only: it may name a patient."""

    name: str
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class Imported:
    """Files so far, by outcome and reason; `complete` is False where somebody has asked to stop."""

    counts: Counter[tuple[Outcome, str]] = field(default_factory=Counter)
    complete: bool = True

    @property
    def files(self) -> int:
        """All of them."""
        return self.counts.total()

    @property
    def objects(self) -> int:
        """Those that are objects, or should have been."""
        return self.files - self.count(Outcome.SKIPPED)

    @property
    def all_in(self) -> bool:
        """Whether there were objects and all of them are in the archive."""
        there = self.count(Outcome.TAKEN_IN) + self.count(Outcome.HELD)
        return self.complete and there == self.objects > 0

    def add(self, done: Done) -> None:
        """Count one file."""
        self.counts[done.outcome, done.reason] += 1

    def count(self, outcome: Outcome) -> int:
        """Files of one outcome, for whatever reason."""
        return sum(number for (its, _reason), number in self.counts.items() if its is outcome)

    def reasons(self, outcome: Outcome) -> dict[str, int]:
        """Files of one outcome by reason, the most frequent first."""
        return {reason: number for (its, reason), number in self.counts.most_common() if its is outcome}
