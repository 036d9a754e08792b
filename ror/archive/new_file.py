"""A research object on its way to disk, hashed as it is written; nothing finds it before it is given a name."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

from ror.archive.durable import DurableFile

__all__ = ["NewFile"]


class NewFile:
    """A file of `length` bytes in a folder; when it is closed, the name that it is written under is gone.

    Methods raise OSError where the disk refuses.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.part"
        self._digest = hashlib.sha256()
        self._file = DurableFile(self._path, length)
        self._is_there = True

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._digest.hexdigest()

    def write(self, data: bytes | memoryview) -> None:
        """Add to it."""
        self._digest.update(data)
        self._file.write(data)

    def finish(self) -> None:
        """Return when all of it is on disk, whatever it is called."""
        self._file.finish()

    def link(self, target: Path) -> bool:
        """Give it a name; False if that is taken."""
        # A hard link fails where the name is taken, a rename would replace: two senders may race with one UID.
        try:
            os.link(self._path, target)
        except FileExistsError:
            return False
        return True

    def rename(self, target: Path) -> None:
        """Give it a name in place of the one that it is written under; FileExistsError if that is taken."""
        os.link(self._path, target)
        self._unlink()

    def close(self) -> None:
        """Let go of it: it stays under the names that it was given."""
        self._file.close()
        self._unlink()

    def _unlink(self) -> None:
        if self._is_there:
            self._path.unlink(missing_ok=True)
            self._is_there = False
