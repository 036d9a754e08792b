"""A full disk is something to wait for, like a PACS that is down."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ror.errors import ServiceUnavailable

__all__ = ["full_disk_told", "is_full", "require_room"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
# A program that found no room may have removed some of what it had written.
_NEXT_TO_NOTHING = 16 * 2**20


@contextmanager
def full_disk_told(home: Path) -> Iterator[None]:
    """Tell a write that found no room, or a quota used up, as `ServiceUnavailable` with its folder.

    `home` is the folder to name where the system names none, as for a write into an open file.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        named = error.filename2 or error.filename  # of two, the one that was written
        folder = Path(named).parent if isinstance(named, str) else home
        raise ServiceUnavailable(
            f"the disk of {folder} is full", "make room; the job goes on by itself"
        ) from error


def is_full(folder: Path) -> bool:
    """Whether a program that wrote into `folder` can have failed for want of room (below 16 MiB)."""
    return shutil.disk_usage(folder).free < _NEXT_TO_NOTHING


def require_room(home: Path) -> None:
    """`ServiceUnavailable` where there is no room to begin: what lies on a full disk could not even be told."""
    if is_full(home):
        raise ServiceUnavailable(f"the disk of {home} is full", "make room, and start again")
