"""Ctrl-C and SIGTERM as a question that is asked between two files, not an exception in the midst of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Stop", "asked_to_stop", "kept_from_children"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stop:
    """Whether somebody has asked to stop."""

    asked: bool = False


@contextmanager
def asked_to_stop() -> Iterator[Stop]:
    """Note the first signal; the second one does what it always does. Elsewhere than in the main thread, none come."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(_number: int, _frame: object) -> None:
        stop.asked = True
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Processes that are started meanwhile never see Ctrl-C, which a terminal sends to all: the first one asks them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
