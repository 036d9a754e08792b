"""Where files come from: a folder, a ZIP that is read without being unpacked, or one file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from ror.errors import NotFound
from ror.gateway.importing.outcome import Done, Outcome
from ror.walking import Found, walk

__all__ = ["Damaged", "Item", "Source", "opened"]

_OF_ZIP = (b"PK\3\4", b"PK\5\6")  # a first member, or none
_ENCRYPTED = 0x1


class Damaged(Exception):
    """A file cannot be read to its end; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Item:
    """A file of `size` bytes. `name` is relative to the source; nothing is ever written under it."""

    name: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


class Source(Protocol):
    """Gives its files, in an order that is always the same."""

    def items(self) -> Iterator[Item | Done]:
        """Its files, and what is none."""

    def has(self, name: PurePosixPath) -> bool:
        """Whether there is a file of that name, be it in capitals or not, as file systems of media differ in it."""


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The files of a folder or a ZIP, or the one file.

    Raises
    ------
    NotFound
        It is not there, cannot be read, or is a ZIP that is damaged.
    """
    try:
        is_zip = path.is_file() and _begins_like_a_zip(path)
        if not path.exists():
            raise NotFound(f"there is nothing at {path}", "name the folder or ZIP that the studies are in")
        if not is_zip:
            yield _Folder(path)
            return
        with zipfile.ZipFile(path) as archive:
            yield _Zip(archive)
    except zipfile.BadZipFile as error:
        raise NotFound(f"{path} is no ZIP that can be read", "copy it again, it may be cut short") from error


def _begins_like_a_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in _OF_ZIP
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}", "run as a user who may read it") from error


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._base = root if root.is_dir() else root.parent
        self._names_in = cache(_names_in)

    def items(self) -> Iterator[Item | Done]:
        for one in walk(self._root):
            name = Path(one.path).relative_to(self._base).as_posix()
            if isinstance(one, Found):
                yield Item(name, one.size, partial(_opened_file, Path(one.path)))
            else:
                outcome = Outcome.REFUSED if one.error is not None else Outcome.SKIPPED
                yield Done(name, outcome, one.reason)

    def has(self, name: PurePosixPath) -> bool:
        folders = {self._base}
        for part in name.parts:
            # There may be two that differ in capitals only.
            folders = {
                folder / each for folder in folders for each in self._names_in(folder).get(_plain(part), ())
            }
        return bool(folders)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._plain_names: frozenset[str] | None = None

    def items(self) -> Iterator[Item | Done]:
        for member in self._archive.infolist():
            if member.is_dir():
                continue
            if member.flag_bits & _ENCRYPTED:
                yield Done(member.filename, Outcome.REFUSED, "encrypted")
            else:
                yield Item(member.filename, member.file_size, partial(_opened_member, self._archive, member))

    def has(self, name: PurePosixPath) -> bool:
        if self._plain_names is None:
            self._plain_names = frozenset(map(_plain_path, map(PurePosixPath, self._archive.namelist())))
        return _plain_path(name) in self._plain_names


@contextmanager
def _opened_file(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Damaged("not_readable") from error


@contextmanager
def _opened_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    # A member never gives more than the size that the ZIP says of it.
    try:
        with archive.open(member) as file:
            yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise Damaged("damaged") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Damaged("unknown_compression") from error


def _names_in(folder: Path) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    try:
        for one in folder.iterdir():
            names.setdefault(_plain(one.name), []).append(one.name)
    except OSError:
        return {}  # no folder, or none that lets itself be read, which is told by those who walk it
    return names


def _plain_path(path: PurePosixPath) -> str:
    return "/".join(map(_plain, path.parts))


def _plain(name: str) -> str:
    """Without what ISO 9660 adds to names: a version, and a dot where there is no extension."""
    return name.partition(";")[0].rstrip(".").casefold()
