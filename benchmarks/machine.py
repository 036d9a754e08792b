"""What it was measured on, in one line."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

__all__ = ["machine"]


def machine() -> str:
    """Processor, memory, system and Python, without a name or a date."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    gib = round(int(total[1]) / 2**20) if total else 0
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, {gib} GiB, "
        f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Python {platform.python_version()}, load {load:.1f}"
    )
