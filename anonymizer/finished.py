"""What came out for a part of a data set, and what was done to it, added up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from anonymizer.engine import Tally
from anonymizer.wire import tag_path

__all__ = ["Finished", "Tallies", "tallied"]


class Finished:
    """What comes out for a part, or for several together.

    Attributes
    ----------
    raw
        The bytes, none where all was removed.
    left
        UIDs that can be read in them.
    done
        What was done, its paths relative to the data set or item that holds it.
    """

    __slots__ = ("done", "left", "raw")

    def __init__(self, raw: bytes, left: frozenset[str], done: Tallied) -> None:
        self.raw = raw
        self.left = left
        self.done = done


class Tallies:
    """What was done to the pieces of a run, or to a sequence that was treated element by element.

    Attributes
    ----------
    own
        What was done to the sequence itself.
    tag
        Of the sequence, 0 for a run.
    groups
        What was done to the pieces of the run, or to those of each item.
    """

    __slots__ = ("_total", "groups", "own", "tag")

    def __init__(self, own: Tally, tag: int, groups: Sequence[Sequence[Tallied]]) -> None:
        self.own = own
        self.tag = tag
        self.groups = groups
        self._total: Tally | None = None

    def total(self) -> Tally:
        """What was done to all of them; added up once."""
        if self._total is None:
            self._total = self._added_up()
        return self._total

    def _added_up(self) -> Tally:
        # Within a sequence no sum is kept but its own, for it may have thousands of items.
        total = Tally()
        for number, group in enumerate(self.groups):
            path = f"{tag_path(self.tag)}[{number}]" if self.tag else ""
            for one in group:
                if isinstance(one, Tallies):
                    one = one._added_up() if self.tag else one.total()
                _add(one, path, total)
        _add(self.own, "", total)
        return total


Tallied: TypeAlias = Tally | Tallies


def tallied(done: Iterable[Finished]) -> Tally:
    """What was done to all of them together."""
    total = Tally()
    for one in done:
        _add(one.done.total() if isinstance(one.done, Tallies) else one.done, "", total)
    return total


def _add(tally: Tally, path: str, total: Tally) -> None:
    for action, count in tally.counts.items():
        total.counts[action] += count
    if tally.removed or tally.cleaned:
        total.removed += [path + gone for gone in tally.removed]
        total.cleaned += [path + cleaned for cleaned in tally.cleaned]
