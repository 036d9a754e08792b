"""What a program prints: to a file with a cap, and line by line to whoever listens."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from containers.runtime import OnLine

__all__ = ["LogSink"]

LOG_LIMIT_BYTES = 50 * 1024 * 1024
# A program that never ends its line must not fill the memory of the engine.
_LONGEST_LINE = 64 * 1024


class LogSink:
    """Takes bytes as they come; once the cap is reached it says so once and drops the rest.

    Parameters
    ----------
    path
        The log file; written anew.
    on_line
        Gets each line without its end, decoded as UTF-8 (what is not UTF-8 becomes U+FFFD).
    limit_bytes
        Cap of the file, and of what `on_line` gets.
    """

    def __init__(self, path: Path, on_line: OnLine | None, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._on_line = on_line
        self._left = limit_bytes
        self._limit = limit_bytes
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._rest and error is None:
                self._line(self._rest)
        finally:
            self._file.close()

    def feed(self, data: bytes) -> None:
        """Take what the program printed, wherever it was cut."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        while len(self._rest) > _LONGEST_LINE:
            self._line(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        self._file.flush()

    def note(self, text: str) -> None:
        """Write a line of the runtime's own."""
        self._line(f"ror: {text}".encode())
        self._file.flush()

    def _line(self, line: bytes) -> None:
        if self._left < 0:
            return
        self._left -= len(line) + 1
        if self._left < 0:
            line = f"ror: the log is over {self._limit >> 20} MiB; the rest is dropped".encode()
        self._file.write(line + b"\n")
        if self._on_line:
            self._on_line(line.decode("utf-8", "replace").removesuffix("\r"))
