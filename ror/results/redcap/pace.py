"""How often one REDCap is asked: a REDCap shuts out an address that asks too often."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from ror.results.errors import RedcapUnavailable

__all__ = ["Pace"]

_MINUTE = 60.0
_LONGEST_HOLD_SECONDS = 3600.0


class Pace:
    """At most so many requests in any minute, and none while REDCap has asked for patience (Retry-After).

    It may be asked from any thread.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turns: deque[float] = deque(maxlen=per_minute)  # when the last ones were, or are to be
        self._held_until = 0.0
        self._held_until_told = ""

    def wait(self) -> None:
        """Wait for the turn of one request.

        Raises
        ------
        RedcapUnavailable
            REDCap has asked for patience, and it is not over: nothing may be sent.
        """
        with self._lock:
            now = self._clock()
            if now < self._held_until:
                # The same text during all of the wait, so that who tells it can tell it once.
                raise RedcapUnavailable(
                    f"REDCap has asked to be left alone until {self._held_until_told}",
                    "The engine tries again.",
                )
            is_full = len(self._turns) == self._turns.maxlen
            turn = max(now, self._turns[0] + _MINUTE) if is_full else now
            self._turns.append(turn)
        if turn > now:
            self._sleep(turn - now)

    def hold(self, seconds: float) -> None:
        """Send nothing for so long, an hour at most."""
        seconds = min(seconds, _LONGEST_HOLD_SECONDS)
        with self._lock:
            if (until := self._clock() + seconds) > self._held_until:
                self._held_until = until
                moment = datetime.now().astimezone() + timedelta(seconds=seconds)
                self._held_until_told = moment.isoformat(" ", "seconds")
