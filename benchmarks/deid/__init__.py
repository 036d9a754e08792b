"""De-identification in one thread, beside a plain copy and other de-identifiers; see benchmarks/README.md.

What is read and written lies in memory (tmpfs) where there is room, so that no disk is measured.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.deid import enhanced, files, folders, header, large
from benchmarks.deid.room import roomiest
from benchmarks.figure import Figure
from benchmarks.scale import Scale

__all__ = ["measure"]

_PARTS = (header.measure, files.measure, enhanced.measure, large.measure, folders.measure)


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Headers in memory, files to files, a long header, a long object, and a folder by two processes."""
    figures = []
    for part in _PARTS:
        needed = max(large.needed(scale), folders.needed(scale))
        with roomiest(folder, needed) as where, _own_objects_uncollected():
            figures += part(scale, where)
    return figures


@contextmanager
def _own_objects_uncollected() -> Iterator[None]:
    """Leave what the benchmark has loaded for itself, and for peers, out of Python's garbage collection.

    It is walked as often as our contender makes many objects, and would be charged to it.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
