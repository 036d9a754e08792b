"""Reading a ``multipart/related`` body as it comes (RFC 2046 5.1.1, RFC 2387): a part at a time, all of it bounded.

Libraries for this either want the whole body in memory, or parts of forms with a Content-Disposition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TypeAlias

from ror.web.errors import Refusal

__all__ = ["Part", "PartLimits", "PartReader"]

# RFC 2046 5.1.1 allows 70 characters; Orthanc 1.10 sends 73.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,127}[0-9A-Za-z'()+_,\-./:=?]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_MOST_HEADER_BYTES = 8192
_MOST_PREAMBLE_BYTES = 65536
_MOST_PADDING_BYTES = 256
_SMALL_BYTES = 4096

# What has come of a part. Its pieces lie in what came, and small ones together, lest each cost more than it brings.
_Pieces: TypeAlias = "list[memoryview | bytearray]"


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How much may come: bytes in one part, parts in one body."""

    bytes: int
    parts: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its headers by name in lower case, and what it brings."""

    headers: dict[str, str]
    data: bytes


class _Inside(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()
    HEADERS = auto()
    DATA = auto()
    EPILOGUE = auto()


class PartReader:
    """Finds the parts of one body; `feed` it what comes, and tell it the `end`.

    It holds one part and one piece of the body, whatever is sent. All methods raise `Refusal` when the body is no
    multipart, or too much.
    """

    def __init__(self, boundary: str, limits: PartLimits) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise Refusal(
                HTTPStatus.BAD_REQUEST, "Content-Type has no boundary of 1 to 128 allowed characters"
            )
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._limits = limits
        self._inside = _Inside.PREAMBLE
        # A body may begin with the delimiter: then its line break is the one before the body.
        self._rest = b"\r\n"
        self._at = 0  # all before is done with: cutting it off would copy the rest
        self._passed = 0
        self._parts = 0
        self._headers: dict[str, str] = {}
        self._pieces: _Pieces = []

    def feed(self, data: bytes) -> Iterator[Part]:
        """Take the next bytes of the body, and give the parts that end in them."""
        self._rest = self._rest[self._at :] + data if self._at < len(self._rest) else data
        self._at = 0
        while True:
            before = self._inside
            part = self._step()
            if part is not None:
                yield part
            elif self._inside is before:
                return

    def end(self) -> None:
        """The body has ended: it must have ended itself."""
        if self._inside is not _Inside.EPILOGUE:
            raise _malformed("the body ends before its closing delimiter")

    def _step(self) -> Part | None:
        """Go on by one element of the body, if all of it is there."""
        match self._inside:
            case _Inside.PREAMBLE:
                self._pass_preamble()
            case _Inside.DELIMITER:
                self._read_delimiter()
            case _Inside.HEADERS:
                self._read_headers()
            case _Inside.DATA:
                return self._read_data()
            case _Inside.EPILOGUE:
                self._at = len(self._rest)
        return None

    def _pass_preamble(self) -> None:
        if self._till_delimiter() is None and self._passed > _MOST_PREAMBLE_BYTES:
            raise _malformed("the body does not begin with its boundary")

    def _read_delimiter(self) -> None:
        line_end = self._rest.find(b"\r\n", self._at)
        if self._rest.startswith(b"--", self._at):
            self._inside = _Inside.EPILOGUE
        elif line_end >= 0:
            if self._rest[self._at : line_end].strip(b" \t"):
                raise _malformed("a line begins with the boundary and goes on otherwise")
            self._at = line_end
            self._inside = _Inside.HEADERS
        elif len(self._rest) - self._at > _MOST_PADDING_BYTES:
            raise _malformed("a delimiter does not end")

    def _read_headers(self) -> None:
        end = self._rest.find(b"\r\n\r\n", self._at)
        if (len(self._rest) if end < 0 else end) - self._at > _MOST_HEADER_BYTES:
            raise Refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the headers of a part have more than {_MOST_HEADER_BYTES} bytes",
            )
        if end < 0:
            return
        if self._parts == self._limits.parts:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {self._limits.parts} parts; send them apart"
            )
        self._headers = _headers(self._rest[self._at + 2 : end])
        self._at = end + 2  # the line break before the delimiter may be the one of no data at all
        self._parts += 1
        self._passed = 0
        self._inside = _Inside.DATA

    def _read_data(self) -> Part | None:
        pieces = self._till_delimiter(self._pieces)
        if self._passed > self._limits.bytes + 2:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a part has more than {self._limits.bytes} bytes"
            )
        if pieces is None:
            return None
        self._pieces = []
        # The first piece begins with the line break after the headers, whole: it may begin a delimiter.
        return Part(self._headers, b"".join([one[2:] for one in pieces[:1]] + pieces[1:]))

    def _till_delimiter(self, pieces: _Pieces | None = None) -> _Pieces | None:
        """Pass by, and keep if wanted, what comes before the next delimiter; all of it once it is found."""
        found = self._rest.find(self._delimiter, self._at)
        end = found if found >= 0 else self._begun()
        self._passed += end - self._at
        if pieces is not None and end > self._at:
            _append(pieces, memoryview(self._rest)[self._at : end])
        if found < 0:
            self._at = end
            return None
        self._at = found + len(self._delimiter)
        self._inside = _Inside.DELIMITER
        return pieces or []

    def _begun(self) -> int:
        """Where what is there ends as a delimiter begins: that waits for the rest of it."""
        at = max(len(self._rest) - len(self._delimiter) + 1, self._at)
        while (at := self._rest.find(b"\r", at)) >= 0 and not self._delimiter.startswith(self._rest[at:]):
            at += 1
        return at if at >= 0 else len(self._rest)


def _append(pieces: _Pieces, piece: memoryview) -> None:
    last = pieces[-1] if pieces else None
    if len(piece) >= _SMALL_BYTES:
        pieces.append(piece)
    elif isinstance(last, bytearray):
        last += piece
    else:
        pieces.append(bytearray(piece))


def _headers(lines: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n") if lines else ():
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _malformed("a header of a part is not written as name: value")
        found.setdefault(header[1].lower(), header[2])
    return found


def _malformed(what: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"no multipart body: {what}")
