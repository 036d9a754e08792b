"""What ``docker save`` writes: one image, the workflow that it says it is, and the image without the names it had."""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from containers.errors import ImageError
from containers.image_layers import LayersTooLarge, files_called
from containers.manifest import read_manifest
from containers.package import IMAGE_ARCHIVE, MANIFEST, OLDER_MANIFEST

__all__ = ["MANIFEST_LABEL", "ImageArchive"]

MANIFEST_LABEL = "ror.manifest"
"""The label of an image with the text of the ``workflow.toml`` that it was built of."""

# Docker before 25 has a folder for each layer, Podman a file; since then the archive is an OCI image layout as well.
_OF_IMAGES = re.compile(r"oci-layout|blobs/sha256/.+|[0-9a-f]{64}(/layer\.tar|\.tar|\.json)")
_MOST_ENTRIES = 20_000
_LARGEST_TEXT = 2**20
_MOST_TEXT = 32 * 2**20
_CHUNK_BYTES = 2**20
_FAST = 1  # of gzip: layers are large, and the highest takes ten times as long for a tenth less
_MIB = 2**20
_HOW = "docker save NAME -o FILE.tar writes one, and so does ror build --save FILE.tar.gz"
_HOW_LABELLED = (
    'Build it by ror build, which labels it, or by docker build --label ror.manifest="$(cat workflow.toml)", '
    f"or have it bring its {OLDER_MANIFEST}."
)
_MOST_OF_A_LAYER = 64 * 2**30


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """The archive of one image, as it lies on disk, looked through once; it may be compressed.

    `architecture` is Docker's word for it (``amd64``), `size_bytes` what the archive holds when unpacked. `called` is
    its name without registry and tag, or that of the file where it was saved without one; `folder` is where its
    program begins. `told` is how people know it.
    """

    path: Path
    told: str
    called: str
    labels: Mapping[str, str]
    architecture: str
    folder: str
    size_bytes: int
    _config: bytes = field(repr=False)
    _layers: tuple[str, ...] = field(repr=False)

    @classmethod
    def read(cls, path: Path, most_bytes: int | None = None, told: str = "") -> ImageArchive:
        """Look through an archive, as far as `most_bytes` of what it holds unpacked.

        Raises
        ------
        ImageError
            It is no whole archive of one image, or holds more.
        """
        found = _looked_through(path, most_bytes)
        try:
            (image,) = json.loads(found.texts["manifest.json"])
            config = found.texts[posixpath.normpath(image["Config"])]
            layers = tuple(found.behind_links(posixpath.normpath(name)) for name in image["Layers"])
            described = json.loads(config)
            runs = described.get("config", {})
            labels, begins_in = dict(runs.get("Labels") or {}), str(runs.get("WorkingDir") or "/")
            architecture = str(described["architecture"])
            called = _plain_name([*(image.get("RepoTags") or []), path.name.partition(".")[0]][0])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"{path.name} is not the archive of one image", f"{_HOW}.") from error
        if missing := [name for name in layers if name not in found.sizes]:
            raise ImageError(f"{path.name} lacks {len(missing)} layers of its image", f"{_HOW}.")
        size = sum(found.sizes.values())
        told = told or f"the image in {path.name}"
        return cls(path, told, called, labels, architecture, begins_in, size, config, layers)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a file looks like the archive of an image, and not of a folder."""
        try:
            with tarfile.open(path, "r|*") as tar:
                return any(_OF_IMAGES.fullmatch(posixpath.normpath(member.name)) for member in tar)
        except (tarfile.TarError, EOFError, zlib.error, OSError):
            return False

    def pieces(self) -> Iterator[bytes]:
        """The image as an archive for ``docker load``, which gives it no name, whatever names it was saved under.

        A name would take that name from the image that has it, which may be what others are built on.
        """
        names = {name: f"{number}.tar" for number, name in enumerate(dict.fromkeys(self._layers))}
        yield from _entry("config.json", io.BytesIO(self._config), len(self._config))
        with tarfile.open(self.path, "r|*") as tar:
            for member in tar:
                name = posixpath.normpath(member.name)
                if member.isreg() and name in names:
                    source = tar.extractfile(member)
                    assert source is not None
                    yield from _entry(names[name], source, member.size)
        layers = [names[name] for name in self._layers]
        text = json.dumps([{"Config": "config.json", "RepoTags": None, "Layers": layers}]).encode()
        yield from _entry("manifest.json", io.BytesIO(text), len(text))
        yield bytes(2 * tarfile.BLOCKSIZE)

    def make_package(self, folder: Path) -> None:
        """Write into a folder the package that the image says it is: its manifest, and the image itself.

        The same image gives the same package, whatever it was called and whenever it was saved.

        Raises
        ------
        ImageError
            The image does not say which workflow it is.
        ManifestError
            With every fault of what it says.
        """
        manifest = self.labels.get(MANIFEST_LABEL)
        if manifest is None:
            (folder / OLDER_MANIFEST).write_bytes(self._older_manifest())
        else:
            # Read here, where its faults can be told with the name of the image.
            read_manifest(manifest, f"{MANIFEST} of {self.told}")
            (folder / MANIFEST).write_text(manifest, encoding="utf-8")
        with (
            (folder / IMAGE_ARCHIVE).open("xb") as file,
            gzip.GzipFile("", "wb", _FAST, file, mtime=0) as compressed,
        ):
            for piece in self.pieces():
                compressed.write(piece)

    def _older_manifest(self) -> bytes:
        """What an image of the ancestor's brings as a file: that in its working folder, or the only one."""
        try:
            found = files_called(OLDER_MANIFEST, self.path, self._layers, _MOST_OF_A_LAYER)
        except LayersTooLarge as error:
            raise ImageError(f"{self.told} has {error}", "Make it smaller.") from error
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise ImageError(f"a layer of {self.told} cannot be read", "Save the image once more.") from error
        working = posixpath.normpath(posixpath.join("/", self.folder, OLDER_MANIFEST))
        if working in found:
            return found[working]
        if len(found) > 1:
            raise ImageError(
                f"{self.told} brings {', '.join(found)}",
                f"Leave one, or one in {self.folder}.",
            )
        if not found:
            raise ImageError(f"{self.told} does not say which workflow it is", _HOW_LABELLED)
        return next(iter(found.values()))


@dataclass(frozen=True, slots=True)
class _Found:
    """What an archive holds: the sizes of its files, what is in the small ones, and where its links lead."""

    sizes: dict[str, int] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def behind_links(self, name: str) -> str:
        """Docker before 25 writes a layer that is there twice as a link to the other one."""
        for _ in self.links:
            name = self.links.get(name, name)
        return name


def _looked_through(path: Path, most_bytes: int | None) -> _Found:
    found, size, text_size = _Found(), 0, 0
    try:
        with tarfile.open(path, "r|*") as tar:
            for number, member in enumerate(tar):
                name = posixpath.normpath(member.name)
                size += member.size
                if number >= _MOST_ENTRIES or (most_bytes is not None and size > most_bytes):
                    raise _too_large(path, most_bytes)
                if member.issym():
                    found.links[name] = posixpath.normpath(
                        posixpath.join(posixpath.dirname(name), member.linkname)
                    )
                elif member.isreg():
                    found.sizes[name] = member.size
                    if member.size <= _LARGEST_TEXT and text_size + member.size <= _MOST_TEXT:
                        found.texts[name] = _content(tar, member)
                        text_size += member.size
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ImageError(f"{path.name} is no whole .tar or .tar.gz of an image", f"{_HOW}.") from error
    return found


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = tar.extractfile(member)
    assert source is not None
    return source.read()


def _too_large(path: Path, most_bytes: int | None) -> ImageError:
    told = f"{_MOST_ENTRIES} entries" + (f", or {most_bytes // _MIB} MiB," if most_bytes is not None else "")
    return ImageError(f"the image in {path.name} has more than {told} when unpacked", "Make it smaller.")


def _entry(name: str, source: Any, size: int) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = size
    yield info.tobuf(tarfile.PAX_FORMAT)
    while piece := source.read(_CHUNK_BYTES):
        yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)


def _plain_name(name: str) -> str:
    """Without registry and tag, and with nothing in it that a folder is not called."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name.rpartition("/")[2].partition(":")[0]) or "image"
