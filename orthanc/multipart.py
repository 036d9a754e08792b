"""A multipart body (RFC 2046 5.1), part by part as it comes: no more than a piece of one is in memory."""

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


def parts(chunks: Iterable[bytes], boundary: bytes) -> Iterator[Iterator[bytes]]:
    """The bodies of the parts, without their headers, each in pieces as they come; no more is in memory.

    What of a part was not taken when the next one is asked for is passed over.

    Raises
    ------
    Truncated
        It ends before its last boundary, also while the pieces of a part are taken, which is not whole then.
    """
    # The first boundary has no line before it.
    body = _Body(chunks, b"\r\n--" + boundary)
    _pass_over(body.until_boundary())
    while not body.is_at_end():
        body.pass_head()
        pieces = body.until_boundary()
        yield pieces
        _pass_over(pieces)


class _Body:
    """What has come of a body, and was not given away yet."""

    def __init__(self, chunks: Iterable[bytes], delimiter: bytes) -> None:
        self._buffer, self._source = bytearray(b"\r\n"), iter(chunks)
        self._delimiter = delimiter

    def is_at_end(self) -> bool:
        """Behind a boundary: whether it was the last."""
        while len(self._buffer) < 2:
            self._more()
        return self._buffer[:2] == b"--"

    def pass_head(self) -> None:
        """Behind a boundary: go to the first byte of the part, or to the next boundary if it has no head."""
        searched = 0
        while True:
            ends, at = self._buffer.find(b"\r\n\r\n", searched), self._buffer.find(self._delimiter)
            if ends >= 0 and not 0 <= at < ends + 4:
                del self._buffer[: ends + 4]
                return
            if at >= 0:
                # As before the boundary, where a line ends.
                self._buffer[:at] = self._buffer[:at].removeprefix(b"\r\n")
                return
            searched = max(0, len(self._buffer) - 3)
            self._more()

    def until_boundary(self) -> Iterator[bytes]:
        """What comes before the next boundary; it is behind that afterwards."""
        while (at := self._buffer.find(self._delimiter)) < 0:
            # What may be the beginning of a boundary stays.
            if (certain := len(self._buffer) - len(self._delimiter) + 1) > 0:
                yield bytes(self._buffer[:certain])
                del self._buffer[:certain]
            self._more()
        last = bytes(self._buffer[:at])
        del self._buffer[: at + len(self._delimiter)]
        if last:
            yield last

    def _more(self) -> None:
        chunk = next(self._source, None)
        if chunk is None:
            raise Truncated
        self._buffer += chunk


def _pass_over(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
