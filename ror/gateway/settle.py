"""When a study is settled: nothing has come for it for a while. All state is in the index, so restarts are safe."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ror.archive import Index
from ror.errors import ServiceUnavailable

__all__ = ["Settler"]

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.2


class Settler:
    """Marks quiet studies as settled, and says so to `on_settled`."""

    def __init__(self, index: Index, settle_seconds: float, on_settled: Callable[[], None]) -> None:
        self._index = index
        self._settle_seconds = settle_seconds
        self._on_settled = on_settled
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
        """Settle what is quiet at `now` (s since the epoch); return the UIDs of the studies."""
        settled = self._index.settle(quiet_since=now - self._settle_seconds, now=now)
        for study_uid in settled:
            _log.info("study %s is settled", study_uid)
        if settled:
            self._on_settled()
        return settled

    def _run(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            try:
                self.tick(time.time())
            except ServiceUnavailable as error:
                _log.error("studies cannot settle: %s", error)
