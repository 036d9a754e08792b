"""Removing a folder in two steps: out of sight at once, in a transaction with its rows; and its files after that."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any, Final

__all__ = ["Aside"]

_NAME: Final = ".removed"


class Aside:
    """A folder in `root` for what is removed from it; on the same file system, so that it goes there at once."""

    def __init__(self, root: Path) -> None:
        self._folder = root / _NAME

    def take(self, folder: Path) -> None:
        """Move a folder there, if there is one."""
        if folder.is_dir():
            self._folder.mkdir(exist_ok=True)
            folder.rename(self._folder / uuid.uuid4().hex)

    def empty(self) -> None:
        """Delete what is there, also of processes that have died before they did; `OSError` where that is refused."""
        if self._folder.is_dir():
            for entry in self._folder.iterdir():
                shutil.rmtree(entry, onerror=_unless_gone)


def _unless_gone(_function: object, _path: str, error: tuple[Any, BaseException, Any]) -> None:
    if not isinstance(error[1], FileNotFoundError):  # another process deletes it, too
        raise error[1]
