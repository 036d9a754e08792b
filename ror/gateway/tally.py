"""What has become of the objects that came in since this process began: counts by route, nothing of the objects."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Fate", "Tally", "TallyLine"]


class Fate(StrEnum):
    """What has become of an object."""

    FILED = "filed"
    HELD = "held"  # it was there before, the same
    QUARANTINED = "quarantined"
    REFUSED = "refused"  # nothing of it was kept, and the sender was told


@dataclass(frozen=True, slots=True)
class TallyLine:
    """Where objects came in, as the route has it, what became of them, and for what reason if they were not taken in.

    What has no route has no project and no titles, since a sender can choose its own.
    """

    project: str
    calling_ae: str
    called_ae: str
    fate: Fate
    reason: str


class Tally:
    """Counts from any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[TallyLine] = Counter()

    def add(self, line: TallyLine) -> None:
        """One more."""
        with self._lock:
            self._counts[line] += 1

    def counts(self) -> Mapping[TallyLine, int]:
        """All that was counted so far."""
        with self._lock:
            return dict(self._counts)
