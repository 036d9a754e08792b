"""Writing files durably: every length, past the page cache and by way of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ror.archive.durable import write_durably

LONG = 3 * 2**20


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(0, 2**21), max_size=4))
@example(lengths=[])
@example(lengths=[0])
@example(lengths=[2**17 - 1])
@example(lengths=[2**17])
@example(lengths=[2**20, 2**20])
@example(lengths=[1, LONG + 1])
def test_a_file_is_what_was_written_whatever_its_length(tmp_path: Path, lengths: list[int]) -> None:
    blocks = [(b"%d, " % number * length)[:length] for number, length in enumerate(lengths)]
    file = tmp_path / "one.dcm"
    file.unlink(missing_ok=True)
    write_durably(file, sum(lengths), map(memoryview, blocks))
    assert file.read_bytes() == b"".join(blocks)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(b"there")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "one.dcm", LONG, [bytes(LONG)])
    assert (tmp_path / "one.dcm").read_bytes() == b"there"


def test_a_file_system_that_knows_no_other_way_is_written_through_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no O_DIRECT here")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    write_durably(tmp_path / "one.dcm", LONG, [b"x" * LONG])
    assert (tmp_path / "one.dcm").read_bytes() == b"x" * LONG
