"""Where files are read and written: in memory where there is room."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["roomiest"]

_TMPFS = Path("/dev/shm")
_SPARE = 1.5  # of what is needed, for whoever else works here


@contextmanager
def roomiest(folder: Path, needed_bytes: int) -> Iterator[Path]:
    """A new folder on tmpfs if `needed_bytes` fit there and into free memory, else below `folder`; says which."""
    in_memory = _TMPFS.is_dir() and min(_free(_TMPFS), _available()) > _SPARE * needed_bytes
    where = _TMPFS if in_memory else folder
    with tempfile.TemporaryDirectory(prefix="ror-bench-deid-", dir=where) as made:
        print(f"… files in {made}, {'in memory' if in_memory else 'for memory has no room'}", file=sys.stderr)
        yield Path(made)


def _free(where: Path) -> int:
    return shutil.disk_usage(where).free


def _available() -> int:
    (line,) = (
        one for one in Path("/proc/meminfo").read_text().splitlines() if one.startswith("MemAvailable")
    )
    return int(line.split()[1]) * 1024
