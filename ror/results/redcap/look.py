"""A look at what REDCap would refuse when a service starts, so that the log says so before a job finds out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from ror.errors import RorError
from ror.registry import Project
from ror.results.redcap.check import Announced
from ror.results.redcap.redcaps import Redcaps

__all__ = ["Expected", "look_ahead"]

_log = logging.getLogger(__name__)
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What a project's REDCap has to take: what its workflows measure, and the events that its coupling list names."""

    project: Project
    announced: tuple[Announced, ...]
    events_named: frozenset[str]


def look_ahead(redcaps: Redcaps, expected: Sequence[Expected]) -> threading.Thread:
    """Log a warning for each mismatch, in a thread: whether REDCap answers at all must hold up no start."""
    thread = threading.Thread(target=_look, args=(redcaps, expected), name="look at REDCap", daemon=True)
    thread.start()
    return thread


def _look(redcaps: Redcaps, expected: Sequence[Expected]) -> None:
    for one in expected:
        name = one.project.name
        try:
            found = redcaps.check(one.project, one.announced, one.events_named, _SECONDS)
        except RorError as error:
            _log.warning("REDCap of project %s could not be asked what it would refuse: %s", name, error)
            continue
        for mismatch in found:
            _log.warning("REDCap of project %s would refuse: %s (%s)", name, mismatch.what, mismatch.mend)
