"""Running until somebody says stop."""

from __future__ import annotations

import signal
import threading

__all__ = ["wait_for_stop"]


def wait_for_stop() -> None:
    """Return on SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
