"""Log lines for machines: one JSON object each, with what it is about in fields of its own.

What a line is about is what the code says that it works on (`about`), in its own thread: a job, its workflow, a study
by its research UID. The message is the same as in the text, and has passed the same filters.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["JsonLines", "about", "about_job", "note"]

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Let the lines of this thread be about something, besides what they are about already, until the block ends."""
    reset = _about.set((_about.get() or {}) | fields)
    try:
        yield
    finally:
        _about.reset(reset)


def note(**fields: str) -> None:
    """Within `about`: it has become known that it is about this, too."""
    known = _about.get()
    if known is not None:
        known.update(fields)


def about_job(work: Callable[[str], None]) -> Callable[[str], None]:
    """Let all lines that working on a job writes be about it, and its workflow, with whose name its id begins."""

    @functools.wraps(work)
    def working(job_id: str) -> None:
        with about(job=job_id, workflow=job_id.rpartition("-")[0]):
            work(job_id)

    return working


class JsonLines(logging.Formatter):
    """Time (UTC), level, logger, host and message; where known the job, its workflow, the study, and an error."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def format(self, record: logging.LogRecord) -> str:
        """One line, in ASCII."""
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "host": self._host,
            "message": record.getMessage(),
            **(_about.get() or {}),
        }
        return json.dumps(line | ({"error": record.exc_text} if record.exc_text else {}))
