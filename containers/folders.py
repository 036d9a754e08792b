"""The output folder of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["emptied"]


def emptied(folder: Path) -> Path:
    """Remove what is in a folder, so that nothing an earlier run left half-done is taken for a result."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder
