"""Files, folders and links as a tar archive (POSIX.1-2001), in pieces as it is sent; and out of one again."""

from __future__ import annotations

import errno
import hashlib
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

__all__ = ["BadArchive", "NotPacked", "Packed", "TooLarge", "entries_of", "only_folder", "unpack"]

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 256 * 1024
_LONGEST_NAME = 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class NotPacked(Exception):
    """What is neither file, folder nor link, or changes while it is read; the text names it."""


class BadArchive(Exception):
    """No archive, or with what has no place here; the text says what."""


class TooLarge(BadArchive):
    """More, or more of it, than may come."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive of what is on disk, under the names that it gets there: read as it is sent, of known length.

    `sha256` (hex) is that of all its bytes.
    """

    entries: Sequence[tuple[str, Path]]
    sha256: str = field(init=False)
    _length: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest, length = hashlib.sha256(), 0
        for piece in self:
            digest.update(piece)
            length += len(piece)
        object.__setattr__(self, "sha256", digest.hexdigest())
        object.__setattr__(self, "_length", length)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for name, path in self.entries:
            yield from _entry(name, path)
        yield bytes(2 * _BLOCK)  # the end of an archive


def entries_of(folder: Path, name: str) -> list[tuple[str, Path]]:
    """A folder and all that is below it, under a name."""
    below = sorted(folder.rglob("*"))
    return [(name, folder), *((f"{name}/{path.relative_to(folder).as_posix()}", path) for path in below)]


def unpack(archive: Path, folder: Path, most_bytes: int, most_entries: int, mode: str = "r|") -> None:
    """Unpack into a new folder; `mode` is one of `tarfile` for what is read from its beginning to its end.

    Raises
    ------
    BadArchive
        It is no whole archive of files, folders and links, or one of them leads out of it.
    TooLarge
        There are more entries, or bytes in them, or a longer name.
    OSError
        The disk is full.
    """
    folder.mkdir()
    try:
        with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]  # of several literals
            _unpack(tar, folder, most_bytes, most_entries)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise
        kind = {"r|gz": ".tar.gz", "r|*": ".tar or .tar.gz"}.get(mode, ".tar")
        raise BadArchive(f"it is no whole {kind} ({type(error).__name__})") from error


def only_folder(folder: Path) -> Path:
    """Where the files are that were unpacked: in the folder that is all there is, or in `folder` itself."""
    entries = list(folder.iterdir())
    alone = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if alone else folder


def _entry(name: str, path: Path) -> Iterator[bytes]:
    at = path.lstat()
    info = tarfile.TarInfo(name)
    if stat.S_ISLNK(at.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif stat.S_ISDIR(at.st_mode):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    elif stat.S_ISREG(at.st_mode):
        info.size, info.mode = at.st_size, 0o755 if at.st_mode & stat.S_IXUSR else 0o644
    else:
        raise NotPacked(f"{name} is neither file, folder nor link")
    yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if info.size:
        yield from _content(name, path, info.size)


def _content(name: str, path: Path, size: int) -> Iterator[bytes]:
    left = size
    with path.open("rb") as stream:
        while left:
            piece = stream.read(min(left, _CHUNK_BYTES))
            if not piece:
                raise NotPacked(f"{name} has become shorter while it was read")
            left -= len(piece)
            yield piece
    yield bytes(-size % _BLOCK)


def _unpack(tar: tarfile.TarFile, folder: Path, most_bytes: int, most_entries: int) -> None:
    links: set[PurePosixPath] = set()
    left = most_bytes
    for number, member in enumerate(tar):
        place = PurePosixPath(member.name)
        if number >= most_entries or len(member.name) > _LONGEST_NAME:
            raise TooLarge(f"more than {most_entries} entries, or too long a name")
        if place.is_absolute() or ".." in place.parts or not links.isdisjoint(_upwards(place)):
            raise BadArchive("an entry of the archive leads out of it")
        left -= member.size
        if left < 0:
            raise TooLarge(f"more than {most_bytes // 2**20} MiB when unpacked")
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
            target.symlink_to(member.linkname)  # where it leads is checked by whoever reads it
        elif member.isreg():
            source = tar.extractfile(member)
            assert source is not None
            with target.open("xb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)
        else:
            raise BadArchive("an entry of the archive is no file, folder or symbolic link")
    except FileExistsError as error:
        raise BadArchive("an entry is twice in the archive") from error
