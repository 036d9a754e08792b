"""Keeps house while `ror serve` runs: once a night, and at any hour where room is short."""

from __future__ import annotations

import logging
import threading
import time

from ror.app import App
from ror.errors import RorError
from ror.housekeeping.keeper import Housekeeper

__all__ = ["Nightly"]

_log = logging.getLogger(__name__)
_LOOKS_SECONDS = 600.0
_HOUR_SECONDS = 3600.0


class Nightly:
    """Looks every ten minutes, the first time after ten, whether it is time; begins in off-peak hours only."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._keeper = Housekeeper(app)
        self._ended_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; a removal that has begun is finished."""
        self._stop.set()
        self._thread.join()

    def tick(self, now: float) -> int:
        """Keep house if it is time (seconds since the epoch); returns how much was removed."""
        every = self._app.settings.housekeeping.every_hours * _HOUR_SECONDS
        is_time = now - self._ended_at >= every and self._app.order.is_off_peak(now)
        if not every or not (is_time or self._keeper.lacks_room()):
            return 0
        self._ended_at = now
        return len(self._keeper.run(now))

    def _run(self) -> None:
        while not self._stop.wait(_LOOKS_SECONDS):
            try:
                self.tick(time.time())
            except (RorError, OSError) as error:
                _log.warning("housekeeping ends early, and begins anew later: %s", error)
