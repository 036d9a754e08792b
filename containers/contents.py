"""Which files of a folder make up a package, what names them all, and what no package can hold."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from containers.errors import Fault

__all__ = ["State", "digest_of", "files_of", "odd_entries", "state_of"]

State = tuple[tuple[str, int, int, int, int], ...]

# Never part of what a package is: version control, caches, downloaded wheels, what an operating system drops.
_IGNORED = """
    .git .hg .svn .cache .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .ipynb_checkpoints .DS_Store
    .idea .vscode __pycache__ wheels
"""
_IGNORED_NAMES = frozenset(_IGNORED.split())
# What is known of an author's data, who may be patients; the ancestor's Dockerfiles copy from one folder in it.
_OF_THE_AUTHOR, _FOR_DOCKER = ".ror", "virt"
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def files_of(folder: Path) -> tuple[Path, ...]:
    """The files and links that make up a package, as absolute paths in the order of the digest."""
    return tuple(_walk(folder))


def digest_of(folder: Path) -> str:
    """SHA-256 (hex) over (kind, path, length, content) of each file; lengths keep neighbours apart."""
    whole = hashlib.sha256(b"ror package 1\n")
    for path in _walk(folder):
        if path.is_symlink():
            leads_to = os.fsencode(path.readlink())
            kind, length, digest = "link", len(leads_to), hashlib.sha256(leads_to)
        else:
            kind = "exec" if os.access(path, os.X_OK) else "file"
            # Not as a whole: it may be an image of gigabytes.
            with path.open("rb") as stream:
                digest, length = hashlib.file_digest(stream, "sha256"), stream.tell()
        name = os.fsencode(path.relative_to(folder).as_posix())
        whole.update(b"%s %s\0%d\0" % (kind.encode(), name, length))
        whole.update(digest.digest())
    return whole.hexdigest()


def state_of(folder: Path) -> State:
    """What differs, without reading them, when any of the files was changed, replaced, added or taken away."""
    found = [(str(path), path.lstat()) for path in _walk(folder)]
    # The time of change of status is the kernel's, and nobody sets it back.
    return tuple((name, at.st_ino, at.st_mode, at.st_size, at.st_ctime_ns) for name, at in found)


def odd_entries(folder: Path) -> list[Fault]:
    """What can be neither copied nor named by a digest: pipes, devices, links in a circle, what cannot be read."""
    unreadable: list[OSError] = []
    paths = list(_walk(folder, unreadable.append))
    told = {path: why for path in paths if (why := _oddness(path))}
    told |= {Path(error.filename): f"cannot be read: {error.strerror}" for error in unreadable}
    return [Fault(_shown(path.relative_to(folder)), why) for path, why in sorted(told.items())]


def _oddness(path: Path) -> str | None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return "is a link that leads in a circle" if _circles(path) else None
        if kind := _KINDS.get(stat.S_IFMT(mode)):
            return f"is {kind}; a package holds files, folders and links"
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _circles(link: Path) -> bool:
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _shown(path: Path) -> str:
    # A name may be any bytes, and the text is printed.
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    found = []
    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if name not in _IGNORED_NAMES]
        if Path(parent) != folder and Path(parent).name == _OF_THE_AUTHOR:
            folders[:], names = [name for name in folders if name == _FOR_DOCKER], []
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [Path(parent) / name for name in (*names, *links) if _counts(name)]
    yield from sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _counts(name: str) -> bool:
    return name not in _IGNORED_NAMES and not name.endswith((".pyc", ".pyo", "~", ".swp"))
