"""Writing a ``multipart/related`` answer piece by piece (RFC 2387; PS3.18 8.6.1)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import StreamingResponse

__all__ = ["PartOut", "multipart_response", "pieces_of"]

_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class PartOut:
    """One part: its media type, and its bytes in pieces that are made when they are sent."""

    kind: str
    pieces: Iterable[bytes]


def multipart_response(kind: str, parts: Iterable[PartOut]) -> StreamingResponse:
    """An answer of parts of one media type."""
    boundary = uuid.uuid4().hex
    return StreamingResponse(
        _written(parts, boundary.encode()),
        media_type=f'multipart/related; type="{kind}"; boundary={boundary}',
    )


def pieces_of(file: Path) -> Iterator[bytes]:
    """A file, no more than 1 MiB of it at once."""
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece


def _written(parts: Iterable[PartOut], boundary: bytes) -> Iterator[bytes]:
    for part in parts:
        yield b"--" + boundary + b"\r\nContent-Type: " + part.kind.encode("latin-1") + b"\r\n\r\n"
        yield from part.pieces
        yield b"\r\n"
    yield b"--" + boundary + b"--\r\n"
