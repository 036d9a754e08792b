"""Things that are made once though many ask, and that a kill in the middle leaves harmless."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["exclusive", "make_once"]

_MARKER = ".complete"


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[BinaryIO]:
    """Hold a lock file against every other thread and process; the kernel frees it when the holder dies.

    Yields the open file: its content is what a holder that died left behind. `waiting` is called if another
    holds it. The file is removed at the end.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_still(path, lock):
                continue  # its last holder removed it while we waited: we hold a lock nobody else sees
            lock.seek(0)
            try:
                yield lock
            finally:
                path.unlink()
            return


def _is_still(path: Path, lock: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(lock.fileno()))
    except FileNotFoundError:
        return False


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return `folder`, made by `make(folder)` if it is not there in full. A half-made one is made anew.

    The marker is written last, so a kill at any moment leaves either all of it or something the next call
    replaces. It is made in its place, not moved there: the scripts of a virtual environment hold its path.
    """
    marker = folder / _MARKER
    if marker.exists():
        return folder
    with exclusive(folder.with_name(folder.name + ".lock")):
        if not marker.exists():
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            make(folder)
            marker.touch()
    return folder
