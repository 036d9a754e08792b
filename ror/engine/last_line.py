"""The last line that a program has printed: where it failed, that mostly says why."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

__all__ = ["last_line_of"]

_LONGEST = 300
_TAIL_BYTES = 64 * 1024
_OF_THE_RUNTIME = "ror: "
_UNPRINTED = {"Cc", "Cf", "Zl", "Zp"}  # general categories of Unicode: controls, formats, separators of lines
# Colours and movements of the cursor (ECMA-48 5.4), before control characters are taken one by one.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def last_line_of(log: Path) -> str:
    """The last line of `log` with something in it, for people; "" where there is none.

    Without control characters, of a line that was written over (a progress bar) its last state, shortened to 300
    characters, and not a line that the runtime has added.
    """
    for line in reversed(_tail(log).split("\n")):
        for shown in reversed(line.split("\r")):
            if (text := _plain(shown)) and not text.startswith(_OF_THE_RUNTIME):
                return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return ""


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
    return "".join(" " if unicodedata.category(one) in _UNPRINTED else one for one in text).strip()
