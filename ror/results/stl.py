"""Surfaces from STL files: binary and ASCII in, binary out, in millimetres of the patient."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from containers import FileOutput

__all__ = ["BadMesh", "Mesh", "Triangles", "binary_stl", "read_stl"]

Triangles: TypeAlias = NDArray[np.float32]

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
_HEADER_BYTES = 84  # 80 for words that nothing reads, and the number of triangles
# A quarter of a gigabyte; what shows an organ has a thousandth.
MOST_TRIANGLES = 5_000_000
_VERTEX = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")
_WORDS = b"Binary STL, millimetres in LPS, research use only"


class BadMesh(ValueError):
    """A mesh file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """A surface that goes to the PACS.

    Attributes
    ----------
    name
        Of its file, relative to /output.
    announced
        Its entry in the manifest.
    triangles : float32, shape (triangles, 3 corners, 3)
        Millimetres of the patient in LPS (PS3.3 C.7.6.2.1.1), anticlockwise as seen from outside.
    """

    name: str
    announced: FileOutput
    triangles: Triangles = field(repr=False, compare=False)


def read_stl(path: Path) -> Triangles:
    """Read the corners of all triangles; normals and attributes of the file are not taken.

    Returns
    -------
    float32, shape (triangles, 3 corners, 3)
        As the file has them.

    Raises
    ------
    BadMesh
        Neither binary nor ASCII STL, half written, without triangles, with too many, or with corners that are nowhere.
    """
    if (
        path.stat().st_size > _HEADER_BYTES + MOST_TRIANGLES * 5 * _RECORD.itemsize
    ):  # ASCII takes five times as much
        raise BadMesh(_too_many())
    content = path.read_bytes()
    (number,) = struct.unpack("<80xI", content[:_HEADER_BYTES].ljust(_HEADER_BYTES, b"\0"))
    # Some programs begin binary files with the word of ASCII files, too: their size tells.
    if len(content) == _HEADER_BYTES + number * _RECORD.itemsize:
        triangles = np.frombuffer(content, _RECORD, offset=_HEADER_BYTES)["corners"]
    elif content.lstrip().startswith(b"solid") and b"facet" in content:
        triangles = _from_ascii(content)
    else:
        raise BadMesh(
            f"is no STL, or half written: {len(content)} bytes, where {number} triangles take "
            f"{_HEADER_BYTES + number * _RECORD.itemsize}"
        )
    if not len(triangles):
        raise BadMesh("has no triangles; where nothing was found, write no mesh")
    if len(triangles) > MOST_TRIANGLES:
        raise BadMesh(_too_many())
    if not np.isfinite(triangles).all():
        raise BadMesh("has corners that are no numbers (NaN or infinite)")
    return np.ascontiguousarray(triangles, np.float32)


def _from_ascii(content: bytes) -> Triangles:
    found = _VERTEX.findall(content)
    if not content.rstrip().splitlines()[-1].lstrip().startswith(b"endsolid"):
        raise BadMesh("is ASCII STL without its end (half written?)")
    if len(found) % 3 or len(found) != 3 * len(re.findall(rb"\bendfacet\b", content)):
        raise BadMesh("is ASCII STL whose facets have not three corners each")
    try:
        return np.array(found, dtype="S32").astype(np.float32).reshape(-1, 3, 3)
    except ValueError as error:
        raise BadMesh(f"is ASCII STL with a corner that is no number: {error}") from error


def _too_many() -> str:
    return f"has more than {MOST_TRIANGLES} triangles; write a coarser one"


def binary_stl(triangles: Triangles) -> bytes:
    """The same triangles as binary STL, with normals by the right-hand rule: the same bytes for the same corners."""
    corners = triangles.astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(triangles), _RECORD)
    records["corners"] = triangles
    records["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    return _WORDS.ljust(80) + struct.pack("<I", len(records)) + records.tobytes()
