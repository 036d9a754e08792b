"""Writing behind: what can wait for a moment waits, and one thread writes all that waits at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from ror.errors import RorError, ServiceUnavailable

__all__ = ["Group"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_GATHERING_SECONDS: Final = 0.1
_MANY: Final = 100
_IDLE_SECONDS: Final = 5.0
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 15.0


class Group(Generic[_T]):
    """Collects what any number of threads add, and writes it in order, many at a time, until it succeeds.

    Parameters
    ----------
    write
        Writes all that it is given or raises; what was given in vain is given again, with all that has come since.
    most
        How many may wait before `require_room` raises.
    """

    def __init__(self, write: Callable[[Sequence[_T]], None], most: int) -> None:
        self._write = write
        self._most = most
        self._changed = threading.Condition()
        self._waiting: list[_T] = []
        self._added = self._written = 0
        self._tries = 0  # that have begun
        self._failed: tuple[int, Exception] | None = None  # which try was the last in vain, and why
        self._hurry = False
        self._thread: threading.Thread | None = None

    def require_room(self) -> None:
        """`ServiceUnavailable` when too many wait, since nothing could be written for some time."""
        if len(self._waiting) >= self._most:
            raise ServiceUnavailable(f"{self._most} objects wait to be indexed", "see why in log/ror.log")

    def add(self, one: _T) -> None:
        """Let one thing wait to be written, for a tenth of a second or until somebody asks for it."""
        with self._changed:
            self._waiting.append(one)
            self._added += 1
            if len(self._waiting) in (1, _MANY):
                self._changed.notify_all()
            self._have_thread()

    def flush(self) -> None:
        """Return when everything that was added before is written.

        Raises
        ------
        ServiceUnavailable
            It cannot be written now; it goes on waiting, and is tried again.
        """
        if not self._waiting:
            return
        with self._changed:
            self._have_thread()
            last, next_try = self._added, self._tries + 1
            while self._written < last:
                if self._failed is not None and self._failed[0] >= next_try:
                    raise ServiceUnavailable(
                        "what was received cannot be indexed now", "see log/ror.log"
                    ) from self._failed[1]
                self._hurry = True
                self._changed.notify_all()
                self._changed.wait()

    def _have_thread(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="indexer", daemon=True)
            with suppress(
                RuntimeError
            ):  # the system has no thread for it now; whoever comes next tries again
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while batch := self._gathered():
            try:
                self._write(batch)
            except Exception as error:  # noqa: BLE001 - what was acknowledged waits on, whatever went wrong
                self._tell(len(batch), error)
                self._rest(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                pause = _SHORTEST_PAUSE_SECONDS
                self._done(len(batch))

    def _gathered(self) -> Sequence[_T]:
        """What waits, once it has waited for a moment; nothing when the thread has ended for want of work."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, _IDLE_SECONDS):
                self._thread = None
                return ()
            until = time.monotonic() + _GATHERING_SECONDS
            self._changed.wait_for(
                lambda: self._hurry or len(self._waiting) >= _MANY, until - time.monotonic()
            )
            self._hurry = False
            self._tries += 1
            return tuple(self._waiting)

    def _done(self, number: int) -> None:
        with self._changed:
            del self._waiting[:number]
            self._written += number
            self._changed.notify_all()

    def _tell(self, number: int, error: Exception) -> None:
        if isinstance(error, (OSError, RorError)):
            _log.error("%d objects wait to be indexed: %s: %s", number, type(error).__name__, error)
        else:
            _log.error("%d objects wait to be indexed: a bug", number, exc_info=error)
        with self._changed:
            self._failed = self._tries, error
            self._changed.notify_all()

    def _rest(self, seconds: float) -> None:
        """Wait until the next try, or until somebody asks for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._hurry, seconds)
