"""Logging: one line an event, to standard error and ``<home>/log/ror.log``; never a value of an identified object."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

__all__ = ["WithholdValues", "set_up"]

# These libraries quote attribute values in their messages, and what they handle at the gate is identified.
_QUOTE_VALUES = ("pydicom", "pynetdicom", "py.warnings")
_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_MAX_BYTES = 20 * 2**20


class WithholdValues(logging.Filter):
    """Replace the text of a library's message by its place in the code: the text may quote a patient's data."""

    def filter(self, record: logging.LogRecord) -> bool:
        place = f"{record.module}:{record.lineno}"
        if record.name == "py.warnings":  # "file:line: Category: text"
            place = ":".join(record.getMessage().split(":")[:3])
        record.msg = f"{place}: text withheld, since it may quote a value"
        record.args = ()
        record.exc_info = None
        record.exc_text = None
        return True


def set_up(home: Path, level: int = logging.INFO) -> None:
    """Send all log lines to standard error and to a rotating file in `home`."""
    folder = home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.StreamHandler(),
        logging.handlers.RotatingFileHandler(folder / "ror.log", maxBytes=_MAX_BYTES, backupCount=5),
    ]
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_LINE))
        handler.addFilter(_withhold_from_libraries)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(True)
    for chatty in ("dbos", "alembic", "urllib3", "docker", "highdicom", "pynetdicom", "pydicom"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _withhold_from_libraries(record: logging.LogRecord) -> bool:
    if record.name.split(".")[0] in _QUOTE_VALUES or record.name in _QUOTE_VALUES:
        WithholdValues().filter(record)
    return True
