"""A multipart body (RFC 2046 5.1), part by part as it comes: no more than one part is in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["Truncated", "boundary_of", "parts"]

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)


class Truncated(Exception):
    """The body ends before its last boundary."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type names; None where it is no multipart."""
    found = _BOUNDARY.search(content_type)
    is_multipart = content_type.lower().lstrip().startswith("multipart/")
    return found[1].strip().encode("latin-1") if found and is_multipart else None


def parts(chunks: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """The bodies of the parts, without their headers.

    Raises
    ------
    Truncated
        It ends before its last boundary; what came before was whole.
    """
    delimiter = b"\r\n--" + boundary
    # The first boundary has no line before it.
    buffer, source, first = bytearray(b"\r\n"), iter(chunks), True
    while True:
        at = _find(buffer, delimiter, source)
        if not first:
            body = bytes(buffer[:at])
            head = body.find(b"\r\n\r\n")
            yield body[head + 4 :] if head >= 0 else body.removeprefix(b"\r\n")
        del buffer[: at + len(delimiter)]
        first = False
        while len(buffer) < 2:
            _more(buffer, source)
        if buffer[:2] == b"--":
            return


def _find(buffer: bytearray, delimiter: bytes, source: Iterator[bytes]) -> int:
    searched = 0
    while True:
        at = buffer.find(delimiter, searched)
        if at >= 0:
            return at
        searched = max(0, len(buffer) - len(delimiter))
        _more(buffer, source)


def _more(buffer: bytearray, source: Iterator[bytes]) -> None:
    chunk = next(source, None)
    if chunk is None:
        raise Truncated
    buffer += chunk
