"""Ctrl-C and SIGTERM as a question that is asked between two files, not an exception in the midst of one.

Where one thing runs for long there is nothing in between: there all of them are an exception, as Ctrl-C is by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Stop", "asked_to_stop", "end_with_parent", "kept_from_children", "unwound"]

_NOTICED_AFTER_S = 0.2
# Who sends one often sends two: `timeout` to the process and to its group, a terminal that is closed besides Ctrl-C.
_ONE_REQUEST_S = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TERMINATING = (signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Stop:
    """Whether somebody has asked to stop."""

    asked: bool = False

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody asks."""
        end = time.monotonic() + seconds
        # A signal does not end a sleep, only what follows it.
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _NOTICED_AFTER_S))


@contextmanager
def asked_to_stop(clock: Callable[[], float] = time.monotonic) -> Iterator[Stop]:
    """Note the first signal, and those that come with it; a later one does what it always does.

    Elsewhere than in the main thread, none come.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    first = 0.0

    def note(number: int, _frame: object) -> None:
        nonlocal first
        if not stop.asked:
            stop.asked, first = True, clock()
        elif clock() - first > _ONE_REQUEST_S:
            # Only this one is put back: Python tells of another one that waits and has lost its handler.
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unwound(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Leave the block by `SystemExit` when the process is to end, so that what is temporary goes.

    What comes with the first signal does nothing; a later one does what it always does. Elsewhere than in the main
    thread, none come.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Under nohup, the end of the terminal is none of ours.
    before = {one: was for one in _TERMINATING if (was := signal.getsignal(one)) is not signal.SIG_IGN}
    first: float | None = None

    def leave(number: int, _frame: object) -> None:
        nonlocal first
        if first is None:
            first = clock()
            raise SystemExit(128 + number)  # as a shell tells of who was ended by a signal
        if clock() - first > _ONE_REQUEST_S:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)

    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Processes that are started meanwhile see no request to stop, which is often sent to all: the first one asks them.

    They cannot be terminated either, only killed.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Let this process, which does work for another, end when that one does, also when it is killed: nobody waits."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(joined: Callable[[], None]) -> None:
    joined()
    os._exit(1)
