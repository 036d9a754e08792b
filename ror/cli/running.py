"""Running until somebody says stop."""

from __future__ import annotations

import signal
import threading

__all__ = ["stop_requested"]


def stop_requested() -> threading.Event:
    """From now on SIGTERM and SIGINT do nothing but set this event."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
