"""When a study is settled: the index knows what is complete, and is asked. It has all state, so restarts are safe."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from ror.archive import NOTHING_NEEDED, Index, StillNeeded
from ror.errors import RorError

__all__ = ["Settler"]

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0
# Workflows may be enabled and disabled while a study waits for what they need.
_ASK_AGAIN_SECONDS = 10.0


class Settler:
    """Marks complete studies as settled, and says so to `on_settled`.

    A study is quiet only while something could have come for it: its time counts from the settler's making, which is
    the service's start, and from the end of an outage of the database, at the earliest. Otherwise the half of a study
    would settle because nobody had been there to take in the other half.
    """

    def __init__(
        self,
        index: Index,
        settle_seconds: float,
        on_settled: Callable[[], None],
        clock: Callable[[], float] = time.time,
        needed: StillNeeded = NOTHING_NEEDED,
    ) -> None:
        self._index = index
        self._settle_seconds = settle_seconds
        self._on_settled = on_settled
        self._clock = clock
        self._needed = StillNeeded(_Asked(needed, clock).of, needed.patience)
        self._there_since = clock()  # infinite during an outage
        self._pause = _TICK_SECONDS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)

    def start(self) -> None:
        """Look every 0.2 s from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def tick(self, now: float) -> list[str]:
        """Settle what is complete at `now` (s since the epoch); return the UIDs of the studies."""
        # The database is asked also while nothing can be quiet yet, so that its outage is seen from the first moment.
        settled = self._index.settle(self._settle_seconds, now, now - self._there_since, self._needed)
        for study_uid, because in settled.items():
            _log.info("study %s is settled: %s", study_uid, because)
        if settled:
            self._on_settled()
        return list(settled)

    def look(self, now: float) -> float:
        """`tick`, and the seconds until the next one: ever more during an outage, which is told at its two ends."""
        away = math.isinf(self._there_since)
        try:
            self.tick(now)
        except RorError as error:
            if not away:
                _log.error("studies cannot settle until the database is back: %s", error)
            return self._later()
        except Exception:  # noqa: BLE001  studies wait through a fault of ours, or tables of another release
            if not away:
                _log.exception("studies cannot settle: internal error, tried again; please report it")
            return self._later()
        if away:
            _log.warning("studies settle again")
            self._there_since = now
        self._pause = _TICK_SECONDS
        return self._pause

    def _later(self) -> float:
        self._there_since = math.inf
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        return self._pause

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            self.look(self._clock())


class _Asked:
    """What is still needed of studies that are looked at again and again, asked once in a while."""

    def __init__(self, needed: StillNeeded, clock: Callable[[], float]) -> None:
        self._needed = needed
        self._clock = clock
        self._told: dict[str, tuple[float, float, str]] = {}

    def of(self, study_uid: str, received_until: float) -> str:
        now = self._clock()
        known_until, asked_at, told = self._told.get(study_uid, (-math.inf, -math.inf, ""))
        if known_until != received_until or not asked_at <= now < asked_at + _ASK_AGAIN_SECONDS:
            self._told = {uid: one for uid, one in self._told.items() if now < one[1] + _ASK_AGAIN_SECONDS}
            told = self._needed.of(study_uid, received_until)
            self._told[study_uid] = (received_until, now, told)
        return told
