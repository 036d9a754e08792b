"""Running until somebody says stop."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from ror.service import Service

__all__ = ["leave", "settled_down", "stop_requested"]


def stop_requested() -> threading.Event:
    """From now on SIGTERM and SIGINT do nothing but set this event."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def settled_down() -> None:
    """What was made by starting stays for as long as the process runs, so the garbage collector need not look at it.

    Some 200,000 objects of libraries would cost 100 ms each time, in the middle of taking an object in.
    """
    gc.collect()
    gc.freeze()


def leave(service: Service) -> NoReturn:
    """End the process; jobs in progress go on with the next start.

    Their threads wait for programs that may run for hours, and a job that met an engine half taken down would fail.
    So it ends as by kill -9, which everything here survives, but for the listener, whose senders are told.
    """
    if service.listener is not None:
        service.listener.stop()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
