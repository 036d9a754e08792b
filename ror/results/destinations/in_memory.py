"""Files that are nowhere but in memory, for what must never be on a disk and is sent as files are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

__all__ = ["in_memory"]


@contextmanager
def in_memory(dataset: Dataset) -> Iterator[Path]:
    """A path to a Part 10 file of a data set, which only this process and its user can open, for a block.

    It is an anonymous file (memfd_create(2)): no folder has a name for it, and it is gone with its last descriptor.
    """
    with os.fdopen(os.memfd_create("result"), "wb") as file:
        dataset.save_as(file, enforce_file_format=True)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")
