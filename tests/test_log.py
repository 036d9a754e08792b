"""Log lines: what libraries say of identified objects is withheld, what we say is kept."""

import logging
import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from highdicom.valuerep import check_person_name
from pydicom import Dataset, dcmread

from orthanc import Peer, PeerError, echo
from ror import log

NAME = "QZWITHHELD^NAME"


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.fixture
def lines(tmp_path: Path, stderr: StringIO) -> Iterator[Path]:
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


LIBRARIES = ["pydicom", "pynetdicom.assoc", "pynetdicom", "pydicom.valuerep"]
MESSAGES = [
    (
        "an f-string",
        lambda log: log.error(f"Unknown value {NAME} in group {8}"),
        "Unknown value … in group …",
    ),
    (
        "arguments",
        lambda log: log.error("Unknown value %s in group %d", NAME, 8),
        "Unknown value %s in group %d",
    ),
    ("a sum", lambda log: log.error("Unknown value " + NAME), "Unknown value …"),
    ("a format", lambda log: log.error("Unknown value {}".format(NAME)), "Unknown value {}"),  # noqa: UP032
    ("a text from elsewhere", lambda log: log.error(NAME), "text withheld"),
    (
        "several lines",
        lambda log: log.error(f"Unknown µ {NAME}\n{NAME} " + f" of {NAME}"),
        "Unknown µ … … of …",
    ),
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("way", "tell", "told"), MESSAGES, ids=[way for way, _, _ in MESSAGES])
def test_of_what_a_dicom_library_says_the_text_of_its_source_and_its_place_are_kept(
    lines: Path,
    library: str,
    stderr: StringIO,
    way: str,
    tell: Callable[[logging.Logger], None],
    told: str,
) -> None:
    tell(logging.getLogger(library))
    for written in (lines.read_text(), stderr.getvalue()):
        assert NAME not in written
        (line,) = written.splitlines()
        assert f"ERROR   {library}: {told}" in line
        assert "[tests/test_log.py:" in line


def test_of_an_error_that_a_dicom_library_met_types_and_places_are_kept(
    lines: Path, stderr: StringIO
) -> None:
    try:
        try:
            _find(NAME)
        except KeyError as error:
            raise ValueError(NAME) from error
    except ValueError as error:
        logging.getLogger("pynetdicom.service-c").exception(error)
    for written in (lines.read_text(), stderr.getvalue()):
        assert NAME not in written
        assert "in _find" in written
        assert written.index("builtins.ValueError: text withheld") < written.index("builtins.KeyError")


def _find(name: str) -> None:
    raise KeyError(name)


def test_a_warning_of_a_value_is_withheld_but_for_its_kind_and_place(lines: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        dataset = Dataset()
        dataset.StudyInstanceUID = NAME
        warnings.warn(f"{NAME} is short", RuntimeWarning, stacklevel=2)
    written = lines.read_text()
    assert NAME not in written
    assert re.search(
        r"py\.warnings: UserWarning: .*\[pydicom/misc.py:\d+ in warn_and_log < pydicom/", written
    )
    assert "py.warnings: RuntimeWarning: … is short [tests/test_log.py:" in written


def test_what_pydicom_says_of_a_damaged_object_leads_to_the_place(lines: Path) -> None:
    damaged = b"\x08\0\x16\0ZZ\x02\0ab" + b"\x10\0\x10\0\x10\0\0\0" + NAME.encode()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        dcmread(BytesIO(damaged), force=True)
    written = lines.read_text()
    assert NAME not in written
    assert "pydicom: … - using … VR for reading [pydicom/misc.py:" in written


def test_what_pynetdicom_says_of_a_peer_names_it(lines: Path) -> None:
    with socket.socket() as taken, pytest.raises(PeerError):
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        echo(Peer("NOBODY", "127.0.0.1", port))
    told = [line for line in lines.read_text().splitlines() if " pynetdicom" in line]
    assert told
    assert all(f" (NOBODY at 127.0.0.1:{port}) [" in line for line in told)


def test_what_we_say_ourselves_is_kept_with_its_traceback(lines: Path) -> None:
    try:
        raise ValueError("a bug")
    except ValueError:
        logging.getLogger("ror.engine").exception("job %s", "box-1")
    written = lines.read_text()
    assert "ERROR   ror.engine: job box-1" in written
    assert "ValueError: a bug" in written


def test_a_library_with_a_console_of_its_own_is_heard_where_all_others_are(
    tmp_path: Path, lines: Path
) -> None:
    own = StringIO()
    logging.getLogger("dbos").addHandler(logging.StreamHandler(own))
    logging.getLogger("dbos").propagate = False
    log.set_up(tmp_path)
    logging.getLogger("dbos").warning("heard")
    assert "heard" in lines.read_text() and own.getvalue() == ""


def test_chatty_libraries_are_heard_from_warnings_on(lines: Path) -> None:
    logging.getLogger("dbos").info("chat")
    logging.getLogger("dbos").warning("heard")
    assert "chat" not in lines.read_text()
    assert "heard" in lines.read_text()


def test_a_pseudonym_that_is_no_name_with_parts_is_no_news(lines: Path) -> None:
    log.set_up(lines.parent.parent)  # pytest has its own filters of warnings for each phase of a test
    check_person_name("ROR-G2YNN3NFHC")
    warnings.warn("something else", UserWarning, stacklevel=1)
    (line,) = lines.read_text(encoding="utf-8").splitlines()
    assert "something else" in line
