"""Where packages come from but folders: archives of them, images in this machine's Docker, and archives of those."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from containers import MANIFESTS, ImageArchive
from ror.errors import ConfigurationError, NotFound
from ror.packing import BadArchive, only_folder, unpack

if TYPE_CHECKING:
    from containers import DockerRuntime

__all__ = ["package_at", "package_of_archive", "package_of_image"]

_A_PATH = re.compile(r"[./~].*|.*(/|\.tar|\.tar\.gz|\.tgz)")
_MOST_ENTRIES = 20_000
_WHAT_THERE_IS = (
    "name a workflow's folder, its .tar.gz, what ror build --save has written, or an image of this machine"
)


@contextmanager
def package_at(source: str, docker: DockerRuntime) -> Iterator[Path]:
    """The folder of a package: a folder itself, or made of an archive, or of an image of this machine.

    Raises
    ------
    NotFound
        There is no such folder or file, nor could it be the name of an image.
    ConfigurationError, ImageError
        As `package_of_archive` and `package_of_image`.
    """
    path = Path(source)
    if path.is_dir():
        yield path
        return
    if not path.exists() and (_A_PATH.fullmatch(source) or not docker.availability().ok):
        raise NotFound(f"there is no folder or file {source}", _WHAT_THERE_IS)
    with package_of_archive(path) if path.exists() else package_of_image(docker, source) as folder:
        yield folder


@contextmanager
def package_of_archive(archive: Path) -> Iterator[Path]:
    """The folder of a package, of its own archive or of what ``docker save`` or ``ror build --save`` has written.

    Raises
    ------
    ImageError
        It is the archive of an image, but no whole one of one, or the image does not say which workflow it is.
    ConfigurationError
        It is no archive of either.
    """
    with tempfile.TemporaryDirectory(prefix="ror-package-") as scratch:
        if ImageArchive.is_one(archive):
            yield _made_of(ImageArchive.read(archive), Path(scratch))
        else:
            yield _unpacked(archive, Path(scratch))


@contextmanager
def package_of_image(docker: DockerRuntime, name: str) -> Iterator[Path]:
    """The folder of a package, of an image that this machine has.

    Raises
    ------
    ConfigurationError
        There is no Docker here.
    ImageError
        It has none of that name, or the image does not say which workflow it is.
    """
    available = docker.availability()
    if not available.ok:
        raise ConfigurationError(
            f"the image {name} cannot be read: {available.reason}", advice="start Docker"
        )
    image = docker.named(name)
    with tempfile.TemporaryDirectory(prefix="ror-image-") as scratch:
        archive = Path(scratch) / "image.tar.gz"
        docker.save(image, name, archive)
        yield _made_of(ImageArchive.read(archive, told=f"the image {name}"), Path(scratch))


def _made_of(image: ImageArchive, scratch: Path) -> Path:
    folder = scratch / image.called  # which is the name of an older workflow
    folder.mkdir()
    image.make_package(folder)
    return folder


def _unpacked(archive: Path, scratch: Path) -> Path:
    folder = scratch / archive.name.partition(".")[0]  # which is the name of an older workflow
    try:
        unpack(archive, folder, shutil.disk_usage(scratch).free, _MOST_ENTRIES, "r|*")
    except BadArchive as error:
        raise ConfigurationError(f"{archive} cannot be used: {error}", advice=_WHAT_THERE_IS) from error
    package = only_folder(folder)
    if not any((package / name).is_file() for name in MANIFESTS):
        raise ConfigurationError(
            f"{archive} is neither the archive of an image nor that of a workflow: it has no {MANIFESTS[0]}",
            advice=_WHAT_THERE_IS,
        )
    return package
