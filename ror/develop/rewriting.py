"""Small files of a project, put in the place of what was there: a disk may be full, and that is somebody's work."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from ror.errors import ConfigurationError
from ror.whole_file import write_whole

__all__ = ["how_to_write_in", "rewrite"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def rewrite(file: Path, text: str, mode: int | None = None) -> None:
    """Put a text in the place of what a file holds, with its mode unless another is given.

    Raises
    ------
    ConfigurationError
        It cannot be written; it is as it was.
    """
    file = file.resolve()  # a link stays one
    try:
        if file.exists():
            # Who may not write it could replace it all the same, in a folder of their own.
            file.open("a").close()
        if mode is None:
            mode = stat.S_IMODE(file.stat().st_mode)

        def fill(stream: IO[bytes], mode: int = mode) -> None:
            os.fchmod(stream.fileno(), mode)
            stream.write(text.encode())

        write_whole(file, fill)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written, and is as it was: {error.strerror}",
            advice=how_to_write_in(file.parent, error.errno),
        ) from error


def how_to_write_in(folder: Path, code: int | None) -> str:
    """What to do where the system has refused a write in a folder for the reason `code` (of `errno`)."""
    if code in _NO_ROOM:
        return f"make room on the disk of {folder}"
    return f"have the right to write in {folder} and to what is there"
