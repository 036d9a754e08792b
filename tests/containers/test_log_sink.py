"""A program's output is kept, in lines and within bounds."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from containers.log_sink import LogSink


@given(text=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=8))
def test_where_the_output_was_cut_changes_nothing(text: bytes, cuts: list[int]) -> None:
    assert sunk([text]) == sunk(
        [text[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 200], strict=True)]
    )


def sunk(pieces: list[bytes]) -> tuple[list[str], bytes]:
    lines: list[str] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        with LogSink(path, lines.append) as sink:
            for piece in pieces:
                sink.feed(piece)
        return lines, path.read_bytes()


def test_the_last_line_needs_no_end() -> None:
    assert sunk([b"one\ntwo"]) == (["one", "two"], b"one\ntwo\n")


def test_what_is_not_utf8_is_shown_and_kept() -> None:
    assert sunk([b"caf\xe9\n"]) == (["caf\ufffd"], b"caf\xe9\n")


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    lines: list[str] = []
    with LogSink(tmp_path / "log", lines.append) as sink:
        sink.feed(b"x" * (1 << 20))
        assert len(lines) == 15
    assert {len(line) for line in lines} == {1 << 16}


def test_beyond_the_cap_all_is_dropped_and_it_is_said_once(tmp_path: Path) -> None:
    lines: list[str] = []
    with LogSink(tmp_path / "log", lines.append, limit_bytes=1 << 20) as sink:
        for _ in range(3000):
            sink.feed(b"y" * 999 + b"\n")
    assert lines[-1] == "ror: the log is over 1 MiB; the rest is dropped"
    assert len(lines) == 1049
    assert (tmp_path / "log").stat().st_size < (1 << 20) + 100
