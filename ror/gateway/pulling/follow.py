"""Orthanc's change feed: what has become stable is fetched, and how far the feed was read is noted after that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from orthanc import Change, OrthancRest, PeerUnavailable
from ror.gateway.intake import Intake
from ror.gateway.pulling.journal import Journal, Mark
from ror.gateway.pulling.pulled import Pulled
from ror.gateway.pulling.run import Clock, Told, wait_for_window
from ror.gateway.pulling.taker import Interrupted, Taker
from ror.gateway.pulling.window import ALWAYS, Window
from ror.stopping import Stop, asked_to_stop

__all__ = ["follow"]

_log = logging.getLogger(__name__)
_STABLE = "StableStudy"
_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0


def follow(
    rest: OrthancRest,
    project: str,
    intake: Intake,
    journal: Journal,
    told: Told = lambda _pulled: None,
    *,
    once: bool = False,
    window: Window = ALWAYS,
    clock: Clock = lambda: datetime.now().astimezone(),
) -> Pulled:
    """Fetch each study that has become stable since the last time, until somebody asks to stop.

    An Orthanc that does not answer is waited for, unless it is followed only `once`, up to the newest change.

    Raises
    ------
    PeerUnavailable
        It does not answer, and is not waited for.
    PeerRefused
        It wants a user and a password.
    ServiceUnavailable
        The archive takes nothing now. The study is fetched again the next time.
    """
    pulled = Pulled()
    with asked_to_stop() as stop:
        feed = _Feed(rest, project, intake, journal, pulled, told, stop)
        pause = _PAUSE_S
        while not stop.asked:
            wait_for_window(window, stop, pulled, told, clock)
            try:
                more = feed.read_on()
            except Interrupted:
                break
            except PeerUnavailable as error:
                if once:
                    raise
                _log.warning("the change feed of %s is waited for: %s", journal.pacs, error)
                pulled.waiting = "waiting for Orthanc"
                told(pulled)
                stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                continue
            pause, pulled.waiting = _PAUSE_S, ""
            if not more:
                if once:
                    pulled.complete = True
                    break
                told(pulled)
                stop.wait(pause)
    return pulled


class _Feed:
    def __init__(
        self,
        rest: OrthancRest,
        project: str,
        intake: Intake,
        journal: Journal,
        pulled: Pulled,
        told: Told,
        stop: Stop,
    ) -> None:
        self._rest = rest
        self._journal = journal
        self._pulled = pulled
        self._told = told
        self._stopped: Callable[[], bool] = lambda: stop.asked
        self._taker: Callable[[], Taker] = lambda: Taker(intake, project, journal.pacs, self._stopped)

    def read_on(self) -> bool:
        """Read a page of the feed; whether there is another one."""
        if self._was_reset():
            _log.warning(
                "Orthanc %s was made anew: its change feed is read from the beginning", self._journal.pacs
            )
            self._journal.note_mark(Mark())
        page = self._rest.changes(self._journal.mark.sequence)
        # A study may have become stable several times: the last time has all of it.
        last = {one.orthanc_id: one.sequence for one in page.changes if one.kind == _STABLE}
        for change in page.changes:
            if self._stopped():
                raise Interrupted
            if last.get(change.orthanc_id) == change.sequence and change.kind == _STABLE:
                self._fetch(change)
                self._journal.note_mark(Mark(change.sequence, change.orthanc_id))
        if page.changes and page.last > self._journal.mark.sequence:
            self._journal.note_mark(Mark(page.last, page.changes[-1].orthanc_id))
        return page.more

    def _was_reset(self) -> bool:
        """Whether the feed ends before our mark, or has another change in its place."""
        mark = self._journal.mark
        if not mark.sequence:
            return False
        if self._rest.last_change() < mark.sequence:
            return True
        there = self._rest.changes(mark.sequence - 1, limit=1).changes
        return any(one.sequence == mark.sequence and one.orthanc_id != mark.orthanc_id for one in there)

    def _fetch(self, change: Change) -> None:
        taker = self._taker()
        try:
            for data in self._rest.study_files(change.orthanc_id):
                taker.take_file(data)
        finally:
            self._pulled.objects += taker.objects
        self._pulled.found += 1
        self._pulled.done += 1
        self._told(self._pulled)
