"""A package that comes as ``.tar.gz``: files, folders and links, counted as they come out, and nothing outside."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from ror.web.errors import Refusal

__all__ = ["unpacked"]

_MOST_ENTRIES = 20_000
_LONGEST_NAME = 1024


def unpacked(archive: Path, folder: Path, most_bytes: int) -> Path:
    """Unpack into a new folder; the folder with the manifest, which may be one further down.

    Raises
    ------
    Refusal
        It is no such archive, or too large, or has what no package can hold.
    """
    folder.mkdir()
    try:
        with tarfile.open(archive, "r|gz") as tar:
            _unpack(tar, folder, most_bytes)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise _bad(f"the body is no whole .tar.gz ({type(error).__name__})") from error
    entries = list(folder.iterdir())
    alone = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if alone else folder


def _unpack(tar: tarfile.TarFile, folder: Path, most_bytes: int) -> None:
    links: set[PurePosixPath] = set()
    left = most_bytes
    for number, member in enumerate(tar):
        place = PurePosixPath(member.name)
        if number >= _MOST_ENTRIES or len(member.name) > _LONGEST_NAME:
            raise _too_large(f"more than {_MOST_ENTRIES} entries, or too long a name")
        if place.is_absolute() or ".." in place.parts or not links.isdisjoint(_upwards(place)):
            raise _bad("an entry of the archive leads out of it")
        left -= member.size
        if left < 0:
            raise _too_large(f"more than {most_bytes // 2**20} MiB when unpacked")
        if member.issym():
            links.add(place)
        _take_out(tar, member, folder / place)


def _upwards(place: PurePosixPath) -> Iterator[PurePosixPath]:
    yield place
    yield from place.parents


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if member.issym():
            target.symlink_to(member.linkname)  # where it leads is checked with the package
        elif member.isreg():
            source = tar.extractfile(member)
            assert source is not None
            with target.open("xb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)
        else:
            raise _bad("an entry of the archive is no file, folder or symbolic link")
    except FileExistsError as error:
        raise _bad("an entry is twice in the archive") from error


def _bad(what: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"{what}; send what ror submit sends")


def _too_large(what: str) -> Refusal:
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what}; web.max_package_mib is the limit")
