"""Packages made of an image that is built already: in this machine's Docker, or in an archive of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from containers import ImageArchive
from ror.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from containers import DockerRuntime

__all__ = ["package_at", "package_of_archive", "package_of_image"]


@contextmanager
def package_at(source: str, docker: DockerRuntime) -> Iterator[Path]:
    """The folder of a package: a folder itself, or made of the archive of an image, or of an image of this machine.

    Raises
    ------
    NotFound
        There is no such folder or file, and no Docker that could have such an image.
    ImageError
        As `package_of_archive` and `package_of_image`.
    """
    path = Path(source)
    if path.is_dir():
        yield path
        return
    if not (path.exists() or docker.availability().ok):
        raise NotFound(f"there is no folder or file {source}", "name the folder of a workflow")
    with package_of_archive(path) if path.exists() else package_of_image(docker, source) as folder:
        yield folder


@contextmanager
def package_of_archive(archive: Path) -> Iterator[Path]:
    """The folder of a package, made of what ``docker save`` or ``ror build --save`` has written.

    Raises
    ------
    ImageError
        It is no whole archive of one image, or the image does not say which workflow it is.
    """
    with tempfile.TemporaryDirectory(prefix="ror-image-") as scratch:
        image = ImageArchive.read(archive)
        folder = Path(scratch) / image.called  # which is the name of an older workflow
        folder.mkdir()
        image.make_package(folder)
        yield folder


@contextmanager
def package_of_image(docker: DockerRuntime, name: str) -> Iterator[Path]:
    """The same of an image that this machine has.

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
        archive = Path(scratch) / f"{name.replace('/', '_')}.tar.gz"
        docker.save(image, name, archive)
        with package_of_archive(archive) as folder:
            yield folder
