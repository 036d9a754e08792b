"""Many values for one question, in portions that every database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

__all__ = ["in_batches"]

# PostgreSQL takes at most 65535 parameters in one statement, and SQLite may take fewer.
_BATCH: Final = 10_000


def in_batches(values: Iterable[str]) -> Iterator[list[str]]:
    """All values, at most ten thousand at a time."""
    rest = iter(values)
    while some := list(islice(rest, _BATCH)):
        yield some
