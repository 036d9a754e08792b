"""The heart of a worker: says every few seconds that its host is there, in a thread that nothing else holds up."""

from __future__ import annotations

import logging
import threading
import time

from ror.engine.capacity import Host
from ror.engine.hosts import BEATS_UNTIL_LOST, HostStore
from ror.errors import ServiceUnavailable

__all__ = ["Beating"]

_log = logging.getLogger(__name__)


class Beating:
    """Beats until it is stopped, or the process dies."""

    def __init__(self, hosts: HostStore, host: Host, every_seconds: float) -> None:
        self._hosts = hosts
        self._host = host
        self._every = every_seconds
        self._stopping = threading.Event()
        self._steady_since = time.monotonic()
        self._last = self._steady_since
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; the host has just joined."""
        self._steady_since = self._last = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more."""
        self._stopping.set()
        self._thread.join()

    def is_steady(self) -> bool:
        """Whether we ourselves were heard for as long as the others are given.

        Who has just begun, was asleep, or could not reach the database must not judge them: they may have had the same.
        """
        now = time.monotonic()
        patience = BEATS_UNTIL_LOST * self._every
        return now - self._steady_since > patience and now - self._last < patience

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                if not self._hosts.beat(self._host.name):
                    _log.warning("somebody has removed this host; it joins again")
                    self._hosts.join(self._host, self._every)
            except ServiceUnavailable as error:
                _log.warning("this host cannot say that it is there: %s", error)
                continue
            except Exception:  # noqa: BLE001  who ends here is lost to all others, and nobody is told
                _log.exception("this host cannot say that it is there: internal error; please report it")
                continue
            now = time.monotonic()
            if now - self._last > 2 * self._every:
                self._steady_since = now
            self._last = now
