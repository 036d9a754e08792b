"""A file is there whole, or not at all: what was there before stays until the new one is."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from ror.whole_file import write_whole


def test_a_file_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "result.dcm"
    for content in (b"old", b"new and longer", b""):
        assert write_whole(path, lambda file, content=content: file.write(content)) == path
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result.dcm"
    path.write_bytes(b"old")

    def break_off(file: IO[bytes]) -> None:
        file.write(b"half of the n")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(path, break_off)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
