"""How to start a program that cannot outlive us; `_launch` says how it works."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["GRACE_SECONDS", "LAUNCH"]

GRACE_SECONDS = 3.0
# -I -S: nothing of the environment or of site-packages is loaded, so it starts in 20 ms.
LAUNCH = (sys.executable, "-I", "-S", str(Path(__file__).with_name("_launch.py")), str(GRACE_SECONDS))
