"""Looking at the processes of a run through /proc: who they are and what memory they hold."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from containers._launch import descendants

__all__ = ["memory_mib", "start_ticks"]

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GONE = (FileNotFoundError, ProcessLookupError)


def start_ticks(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None when there is no such process (or only its zombie).

    With the pid this names a process for good: pids are used again.
    """
    with contextlib.suppress(*_GONE):
        # The name may hold anything, so count from its closing bracket (proc(5)).
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else int(fields[19])
    return None


def memory_mib(pid: int, limit_mib: int) -> float:
    """Memory of all descendants of `pid`, in MiB.

    Resident sizes count what forked workers share once for each of them; that sum is cheap, and only when it
    is over `limit_mib` the proportional sizes are asked, which are right and slow.
    """
    family = descendants(pid)
    resident = sum(_resident_bytes(member) for member in family) / 2**20
    return resident if resident <= limit_mib else sum(map(_proportional_bytes, family)) / 2**20


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(*_GONE):
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional_bytes(pid: int) -> int:
    with contextlib.suppress(*_GONE, PermissionError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
