"""Whether the input of a job is as it was staged: outside a container, nothing keeps a program from writing there.

What is read of `job.json` afterwards decides on which images results lie, so one that was written over must be found,
also if it can be read. The note is kept beside ``/data``, and holds for every try of a program.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from ror.errors import JobFailed
from ror.model import JobFolder

__all__ = ["forget_input", "is_staged", "note_input", "require_input"]

_NOTE = "staged.json"
_DESCRIPTIONS = ("job.json", "descr.json")
_TOLD = 3


def note_input(folder: JobFolder) -> None:
    """Note what is in ``/data``: the descriptions by their digests, the images by size and time of change."""
    folder.root.mkdir(parents=True, exist_ok=True)
    new = folder.root / f".{_NOTE}.new"
    new.write_text(json.dumps(dict(_marks(folder.data))), encoding="utf-8")
    new.replace(folder.root / _NOTE)


def forget_input(folder: JobFolder) -> None:
    """Before ``/data`` is laid out anew: what is there is not whole any more."""
    (folder.root / _NOTE).unlink(missing_ok=True)
    (folder.data / _DESCRIPTIONS[0]).unlink(missing_ok=True)


def is_staged(folder: JobFolder) -> bool:
    """Whether ``/data`` was laid out whole; that of an earlier release has no note."""
    return (folder.root / _NOTE).exists() or (folder.data / _DESCRIPTIONS[0]).exists()


def require_input(folder: JobFolder) -> None:
    """Refuse input that is not as it was noted; that of an earlier release has no note, and passes.

    Raises
    ------
    JobFailed
        Files were changed, removed or added.
    """
    try:
        noted = json.loads((folder.root / _NOTE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    found = dict(_marks(folder.data))
    if found == noted:
        return
    # Names of files that were not staged are the program's own, and may be somebody's.
    changed = [name for name, mark in noted.items() if found.get(name) != mark]
    told = [*changed[:_TOLD], *([f"{len(changed) - _TOLD} more"] if len(changed) > _TOLD else [])]
    if found.keys() - noted.keys():
        told.append("files of its own")
    raise JobFailed(
        f"the program has not left its input as it was (let it write to /output alone): in /data, {', '.join(told)}",
        "in a container /data cannot be written",
    )


def _marks(data: Path) -> Iterator[tuple[str, str]]:
    """Of every file below `data`, by its name there; views of series are links to images, and no files."""
    for root, _folders, names in os.walk(data):
        below = os.path.relpath(root, data)
        for name in names:
            inside = name if below == os.curdir else f"{below}/{name}"
            file = f"{root}/{name}"
            stat = os.lstat(file)
            if not S_ISREG(stat.st_mode):
                continue
            if inside in _DESCRIPTIONS:
                yield inside, hashlib.sha256(Path(file).read_bytes()).hexdigest()
            else:
                yield inside, f"{stat.st_size} {stat.st_mtime_ns}"
