"""Log lines: what libraries say of identified objects is withheld, what we say is kept."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from ror import log

NAME = "QZWITHHELD^NAME"


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Path]:
    """The log file of a home that logs; what pytest had set up is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.set_up(tmp_path)
    yield tmp_path / "log" / "ror.log"
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize("library", ["pydicom", "pynetdicom.assoc", "pynetdicom", "pydicom.valuerep"])
def test_what_a_dicom_library_says_is_withheld_but_for_its_place(
    lines: Path, library: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger(library).error("value %s is wrong", NAME)
    try:
        raise ValueError(NAME)
    except ValueError:
        logging.getLogger(library).exception("it failed")
    written = lines.read_text()
    assert NAME not in written + capsys.readouterr().err
    assert "Traceback" not in written
    assert written.count("text withheld") == 2
    assert "test_log:" in written


def test_a_warning_of_a_value_is_withheld(lines: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        dataset = Dataset()
        dataset.StudyInstanceUID = NAME
    written = lines.read_text()
    assert NAME not in written
    assert "text withheld" in written


def test_what_we_say_ourselves_is_kept_with_its_traceback(lines: Path) -> None:
    try:
        raise ValueError("a bug")
    except ValueError:
        logging.getLogger("ror.engine").exception("job %s", "box-1")
    written = lines.read_text()
    assert "ERROR   ror.engine: job box-1" in written
    assert "ValueError: a bug" in written


def test_chatty_libraries_are_heard_from_warnings_on(lines: Path) -> None:
    logging.getLogger("dbos").info("chat")
    logging.getLogger("dbos").warning("heard")
    assert "chat" not in lines.read_text()
    assert "heard" in lines.read_text()
