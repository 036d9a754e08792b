"""The last lines that a program has printed, and the exception before them: where it failed, they mostly say why."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

__all__ = ["last_line_of", "last_lines_of"]

_LONGEST = 300
_TAIL_BYTES = 64 * 1024
_OF_THE_RUNTIME = "ror: "
_BOTH = "{} (last line: {})"
_TRACEBACK = "Traceback (most recent call last):"
_UNPRINTED = {"Cc", "Cf", "Zl", "Zp"}  # general categories of Unicode: controls, formats, separators of lines
# Colours and movements of the cursor (ECMA-48 5.4), before control characters are taken one by one.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def last_line_of(log: Path) -> str:
    """The last line of `log` with something in it, for people; "" where there is none.

    Without control characters, of a line that was written over (a progress bar) its last state, shortened to 300
    characters, and not a line that the runtime has added. Behind a traceback of Python it may be anything: then the
    line that names the exception comes first.
    """
    lines = _lines(log)
    if not lines:
        return ""
    last, exception = lines[-1].strip(), _exception_in(lines)
    if exception in ("", last):
        return _shortened(last, _LONGEST)
    half = (_LONGEST - len(_BOTH.format("", ""))) // 2
    return _BOTH.format(_shortened(exception, half), _shortened(last, half))


def last_lines_of(log: Path, most: int) -> tuple[str, ...]:
    """The last lines of `log` with something in them, each as `last_line_of` gives one; none where there is no log."""
    return tuple(_shortened(line.rstrip(), _LONGEST) for line in _lines(log)[-most:])


def _lines(log: Path) -> list[str]:
    shown = (_shown(line) for line in _tail(log).split("\n"))
    return [line for line in shown if line and _is_of_the_program(line)]


def _shown(line: str) -> str:
    """What a terminal shows of a line in the end, with its indentation; "" if nothing."""
    states = (_plain(state) for state in reversed(line.split("\r")))
    return next((state for state in states if state.strip()), "")


def _is_of_the_program(line: str) -> bool:
    return not line.strip().startswith(_OF_THE_RUNTIME)


def _exception_in(lines: list[str]) -> str:
    """The line behind the frames of the last traceback; "" without one."""
    begins = [number for number, line in enumerate(lines) if line == _TRACEBACK]
    behind = lines[begins[-1] + 1 :] if begins else []
    return next((line.strip() for line in behind if not line.startswith(" ")), "")


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:  # the program was never started
        return ""


def _plain(text: str) -> str:
    text = _SEQUENCE.sub("", text)
    return "".join(" " if unicodedata.category(one) in _UNPRINTED else one for one in text).rstrip()
