"""A workflow that somebody has in a git repository, as a copy to begin with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ror.errors import ConfigurationError

__all__ = ["cloned_into", "is_address"]

# As git tells them from folders: SCHEME://…, and [USER@]HOST:PATH, which has no slash before its colon.
_ADDRESS = re.compile(r"[a-z][a-z0-9+]*://.|[^/\s:]+:[^\s]|\.{0,2}/", re.IGNORECASE)
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_GIT = ".git"
_ELSEWHERE = "Could not read from remote repository."


def is_address(text: str) -> bool:
    """Whether a text may be the address of a repository: a URL, ``HOST:PATH``, or a path with a slash in front."""
    return _ADDRESS.match(text) is not None


def cloned_into(folder: Path, address: str) -> tuple[list[str], list[str]]:
    """Copy what a repository has into a folder; what is there stays as it is.

    A new or empty folder becomes a clone, with its history. Any other gets the files that it has not.

    Returns
    -------
    tuple of list of str
        The names of files, relative to the folder, that were added, and that were there.

    Raises
    ------
    ConfigurationError
        There is no git, no repository, or no way to write.
    """
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, so that nothing is there of a clone that fails half-way.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            clone = Path(scratch) / "clone"
            _git(address, "clone", "--quiet", "--", address, str(clone))
            return _moved(folder, clone)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror}", advice="name another folder"
        ) from error


def _moved(folder: Path, clone: Path) -> tuple[list[str], list[str]]:
    added: list[str] = []
    kept: list[str] = []
    if not folder.exists() or not any(folder.iterdir()):
        added += _files(clone)
        folder.mkdir(exist_ok=True)
        for entry in clone.iterdir():
            entry.rename(folder / entry.name)
        return added, kept
    for name in _files(clone):
        target = folder / name
        if target.exists() or target.is_symlink():
            kept.append(name)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(clone / name, target, follow_symlinks=False)
            added.append(name)
    return added, kept


def _files(clone: Path) -> Iterator[str]:
    for path in sorted(clone.rglob("*")):
        name = path.relative_to(clone)
        if name.parts[0] != _GIT and (path.is_symlink() or path.is_file()):
            yield name.as_posix()


def _git(address: str, *words: str) -> None:
    """Run git, which must not ask anybody for a password: there may be nobody to answer."""
    git = shutil.which("git")
    if git is None:
        raise ConfigurationError("there is no git here", advice="install git (apt-get install git)")
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    done = subprocess.run(
        [git, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        why = _reason(done.stderr.splitlines()) or f"git ended with {done.returncode}"
        # An address may hold a password; git repeats it.
        raise ConfigurationError(
            f"{_SECRET.sub('', address)} cannot be cloned: {_SECRET.sub('', why)}",
            advice="name a git repository that `git clone` can get",
        )


def _reason(lines: list[str]) -> str:
    """The line that says why; where it is not git that knows it, that of ssh or of the other side before it."""
    for number, line in enumerate(lines):
        if line.startswith(("fatal:", "error:")):
            if number and line.endswith(_ELSEWHERE):
                return lines[number - 1].strip()
            return line.partition(": ")[2]
    return ""
