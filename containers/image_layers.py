"""What lies in the layers of an image's archive, read as a stream: no layer is unpacked."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["LayersTooLarge", "files_called"]

_DELETED = ".wh."  # before the name of a file that a layer takes away (OCI image specification, layer.md)
_LARGEST = 2**20


class LayersTooLarge(Exception):
    """A layer holds more than it may, or a file that is asked for does; the text says which."""


def files_called(name: str, archive: Path, layers: Sequence[str], most_bytes: int) -> dict[str, bytes]:
    """The files of that name in the image, by their absolute paths.

    Parameters
    ----------
    layers
        The names that the layers have in the archive, the lowest first.
    most_bytes
        How much one layer may hold when unpacked.

    Raises
    ------
    LayersTooLarge
        A layer holds more, or such a file more than 1 MiB.
    tarfile.TarError, EOFError, zlib.error, OSError
        A layer cannot be read.
    """
    of_layer: dict[str, dict[str, bytes | None]] = {}
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            place = posixpath.normpath(member.name)
            if member.isreg() and place in layers:
                source = tar.extractfile(member)
                assert source is not None
                of_layer[place] = _in_layer(name, source, most_bytes)
    found: dict[str, bytes | None] = {}
    for layer in layers:
        found |= of_layer.get(layer, {})
    return {path: content for path, content in sorted(found.items()) if content is not None}


def _in_layer(name: str, layer: IO[bytes], most_bytes: int) -> dict[str, bytes | None]:
    """Such files of one layer, None for one that it takes away."""
    found: dict[str, bytes | None] = {}
    # Typed for what it gets from a file; it reads only forward here.
    source: Any = layer
    with tarfile.open(fileobj=source, mode="r|*") as tar:
        for member in tar:
            if member.offset_data + member.size > most_bytes:
                raise LayersTooLarge(f"a layer of more than {most_bytes // 2**20} MiB")
            path = posixpath.normpath(f"/{member.name}")
            folder, called = posixpath.split(path)
            if called == f"{_DELETED}{name}":
                found[posixpath.join(folder, name)] = None
            elif called == name and member.isreg():
                if member.size > _LARGEST:
                    raise LayersTooLarge(f"{path} of more than 1 MiB")
                content = tar.extractfile(member)
                assert content is not None
                found[path] = content.read()
    return found
