"""Environments of their own for peers that are no part of this project."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

__all__ = ["bin_of", "environment_with"]


def bin_of(*pinned: str) -> Path:
    """The ``bin`` folder of the environment that has these packages, if it was made: below ``~/.cache/ror-bench``."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ror-bench"
    return cached / "-".join(pinned).replace("==", "-") / "bin"


@cache
def environment_with(*pinned: str) -> Path | None:
    """The ``bin`` folder of an environment that has these packages, made if need be; None where that fails.

    It is kept. Why there is none is said.
    """
    where = bin_of(*pinned).parent
    python = bin_of(*pinned) / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", where], check=True, capture_output=True, text=True)
        subprocess.run([*pip, *pinned], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout).strip().splitlines()[-1:]
        print(f"left out: {pinned[0]} cannot be installed into {where}: {' '.join(reason)}", file=sys.stderr)
        return None
    return python.parent
