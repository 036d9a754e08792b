"""What came out for a part of a data set, and what was done to it, added up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anonymizer.engine import Tally
from anonymizer.wire import tag_path

__all__ = ["Finished", "FinishedGroup", "tallied"]


class Finished:
    """What comes out for one element.

    Attributes
    ----------
    raw
        Its bytes, none where it was removed.
    left
        UIDs that can be read in it.
    tally
        What was done, its paths relative to the data set or item that holds it.
    """

    __slots__ = ("left", "raw", "tally")

    def __init__(self, raw: bytes, left: frozenset[str], tally: Tally) -> None:
        self.raw = raw
        self.left = left
        self.tally = tally

    def total(self) -> Tally:
        """What was done to it and to all that is in it."""
        return self.tally

    def added_up(self) -> Tally:
        """As `total`, for what is asked but once."""
        return self.tally


class FinishedGroup(Finished):
    """What comes out for a run, or for a sequence that was treated element by element.

    Attributes
    ----------
    tag
        Of the sequence, 0 for a run.
    groups
        What came out for the pieces of the run, or for those of each item.
    tally
        What was done to the sequence itself.
    """

    __slots__ = ("_total", "groups", "tag")

    def __init__(
        self, raw: bytes, left: frozenset[str], tally: Tally, tag: int, groups: Sequence[Sequence[Finished]]
    ) -> None:
        super().__init__(raw, left, tally)
        self.tag = tag
        self.groups = groups
        self._total: Tally | None = None

    def total(self) -> Tally:
        """What was done to all of them; added up once."""
        if self._total is None:
            self._total = self.added_up()
        return self._total

    def added_up(self) -> Tally:
        """As `total`. Of a sequence nothing is kept but its own sum, for it may have thousands of items."""
        total = Tally()
        for number, group in enumerate(self.groups):
            path = f"{tag_path(self.tag)}[{number}]" if self.tag else ""
            for one in group:
                _add(one.added_up() if self.tag else one.total(), path, total)
        _add(self.tally, "", total)
        return total


def tallied(done: Iterable[Finished]) -> Tally:
    """What was done to all of them together."""
    total = Tally()
    for one in done:
        _add(one.total(), "", total)
    return total


def _add(tally: Tally, path: str, total: Tally) -> None:
    for action, count in tally.counts.items():
        total.counts[action] += count
    if tally.removed or tally.cleaned:
        total.removed += [path + gone for gone in tally.removed]
        total.cleaned += [path + cleaned for cleaned in tally.cleaned]
