"""Log lines for machines: one object each, which says what it is about, and no more of a patient than the text does."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ror import log
from ror.config import read
from ror.errors import ConfigurationError
from ror.log_json import about, about_job, note
from tests.support.logging_kept import logging_kept

NAME = "QZWITHHELD^NAME"
_log = logging.getLogger("ror.somewhere")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that logs for machines."""
    with logging_kept():
        log.set_up(tmp_path, shown=False, json=True, host="gpu2")
        yield tmp_path


def written(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "log" / "ror.log").read_text(encoding="ascii").splitlines()]


def test_a_line_is_one_object_whatever_is_in_it(home: Path) -> None:
    _log.warning('job "%s"\nwaits for µ', "a-1")
    (line,) = written(home)
    assert line.pop("time").endswith("+00:00")
    told = {"level": "warning", "logger": "ror.somewhere", "host": "gpu2"}
    assert line == {**told, "message": 'job "a-1"\nwaits for µ'}


def test_what_is_done_for_a_job_is_about_it_and_its_workflow_and_what_comes_after_is_not(home: Path) -> None:
    @about_job
    def work(job_id: str) -> None:
        _log.info("staged")
        note(study="2.25.7")
        _log.info("%s succeeded", job_id)

    work("brain_tumor-0123")
    note(study="2.25.8")
    _log.info("done")
    staged, succeeded, done = written(home)
    assert (staged["job"], staged["workflow"]) == ("brain_tumor-0123", "brain_tumor")
    assert "study" not in staged
    assert (succeeded["job"], succeeded["study"]) == ("brain_tumor-0123", "2.25.7")
    assert not {"job", "workflow", "study"} & set(done)


def test_what_it_is_about_within_is_added_to_what_it_is_about_without(home: Path) -> None:
    with about(study="2.25.7"):
        with about(job="a-1"):
            note(workflow="a")
            _log.info("inner")
        _log.info("outer")
    inner, outer = written(home)
    assert (inner["study"], inner["job"], inner["workflow"]) == ("2.25.7", "a-1", "a")
    assert outer["study"] == "2.25.7"
    assert not {"job", "workflow"} & set(outer)


def test_another_thread_is_about_something_else(home: Path) -> None:
    with about(job="a-1"):
        thread = threading.Thread(target=_log.info, args=("elsewhere",))
        thread.start()
        thread.join()
    assert "job" not in written(home)[0]


def test_a_traceback_is_a_field(home: Path) -> None:
    with about(job="a-1"):
        try:
            raise ZeroDivisionError("never")
        except ZeroDivisionError:
            _log.exception("a bug")
    (line,) = written(home)
    assert line["message"] == "a bug"
    assert line["error"].splitlines()[-1] == "ZeroDivisionError: never"


def test_what_libraries_say_of_values_is_withheld(home: Path) -> None:
    try:
        raise ValueError(NAME)
    except ValueError:
        logging.getLogger("pydicom").exception(f"wrong name {NAME}")
    (line,) = written(home)
    assert "ValueError" in line["error"]
    assert NAME not in json.dumps(line)


def test_the_settings_say_how_lines_are_written(tmp_path: Path) -> None:
    assert read(tmp_path, {}).log.format == "text"
    assert read(tmp_path, {"ROR_LOG__FORMAT": "json"}).log.format == "json"
    with pytest.raises(ConfigurationError, match=r"log\.format"):
        read(tmp_path, {"ROR_LOG__FORMAT": "xml"})
