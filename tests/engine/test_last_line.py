"""The reason of a failed job has what its program said last."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import Package, ProcessRuntime
from ror.engine import Executor
from ror.engine.last_line import last_line_of
from ror.errors import JobFailed
from ror.model import Job, JobFolder, JobState

JOB = Job("box-0123", "lungs", "box", "1.0.0", "d", "P", "1.1", "k", (), JobState.RUNNING, host="here")
MANIFEST = """
name = "box"
version = "1.0.0"
command = ["sh", "run.sh"]
select = "select series from study"
"""


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (
            "echo reading; echo 'FLAIR has 19 slices, T1w has 20' >&2; echo; echo ' '",
            "FLAIR has 19 slices, T1w has 20",
        ),
        (r"printf 'done\n\033[31mno \tlungs\033[0m here\033[K\n'", "no  lungs here"),
        (r"printf '10 %%\r50 %%\r'", "50 %"),
        ("true", ""),
    ],
    ids=["two streams", "colours", "a progress bar", "nothing"],
)
def test_a_failure_is_told_with_the_last_line_of_the_program(tmp_path: Path, said: str, last: str) -> None:
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "workflow.toml").write_text(MANIFEST)
    (folder / "run.sh").write_text(f"{said}\nexit 3\n")
    job = JobFolder(tmp_path / "job")
    job.data.mkdir(parents=True)
    with pytest.raises(JobFailed) as failed:
        Executor(ProcessRuntime(tmp_path / "runtime"), "here").execute(JOB, job, Package.load(folder), {})
    assert str(failed.value) == f"the program ended with exit code 3{f': {last}' if last else ''}"
    assert failed.value.advice == "see `ror jobs logs box-0123`"


FRAMES = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n    main()\n\n'


@pytest.mark.parametrize(
    ("log", "last"),
    [
        (f"{FRAMES}ValueError: no lungs\n", "ValueError: no lungs"),
        (f"{FRAMES}ValueError: no lungs\nin this\n  study\n", "ValueError: no lungs (last line: study)"),
        (
            f"{FRAMES}KeyError: 1\n\nDuring handling of the above exception:\n\n{FRAMES}OSError: away\nbye\n",
            "OSError: away (last line: bye)",
        ),
        (
            f"{FRAMES}\x1b[31mE: {'x' * 400}\x1b[0m\n{'y' * 400}\n",
            f"E: {'x' * 139}… (last line: {'y' * 142}…)",
        ),
        (FRAMES, "main()"),
        ("no Traceback (most recent call last):\nE: x\nbye\n", "bye"),
    ],
)
def test_behind_a_traceback_the_exception_is_told_first(tmp_path: Path, log: str, last: str) -> None:
    (tmp_path / "log").write_text(log)
    told = last_line_of(tmp_path / "log")
    assert told == last
    assert len(told) <= 300


@pytest.mark.parametrize(
    ("log", "last"),
    [
        (b"no lungs\nror: the log is over 50 MiB; the rest is dropped\n", "no lungs"),
        (b"x" * 400, "x" * 299 + "…"),
        (b"first\n" + b"\n" * 200_000, ""),  # no more than the end of a log is read
        (b"no \xff lungs", "no � lungs"),
    ],
    ids=["a line of the runtime", "a long line", "much of nothing", "not UTF-8"],
)
def test_a_last_line_is_shown_for_people(tmp_path: Path, log: bytes, last: str) -> None:
    (tmp_path / "log").write_bytes(log)
    assert last_line_of(tmp_path / "log") == last


def test_a_program_that_was_never_started_has_said_nothing(tmp_path: Path) -> None:
    assert last_line_of(tmp_path / "log") == ""


@given(log=st.text() | st.binary())
def test_whatever_a_program_prints_the_reason_is_one_short_line(log: str | bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "log"
        file.write_bytes(log if isinstance(log, bytes) else log.encode("utf-8", "replace"))
        line = last_line_of(file)
    assert len(line) <= 300 and not {unicodedata.category(one) for one in line} & {"Cc", "Cf", "Zl", "Zp"}
