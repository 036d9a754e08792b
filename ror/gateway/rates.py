"""How fast senders may send: token buckets of objects and bytes, for each sender and for all of them together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from ror.config import ListenerSettings
from ror.registry import Sender

__all__ = ["Bucket", "Rates"]

_MIB: Final = 2**20
_BURST_SECONDS: Final = 1.0
_MOST_SENDERS: Final = 1000


class Bucket:
    """So much in a second, and as much at once after a pause; what is more is owed, and waited for.

    It is not safe for several threads.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._paid_at = -_BURST_SECONDS

    def take(self, amount: float, now: float) -> float:
        """Take so much at `now` (s of a steady clock); in how many seconds the next may be taken."""
        self._paid_at = max(self._paid_at, now - _BURST_SECONDS) + amount / self._per_second
        return max(self._paid_at - now, 0.0)

    def is_full(self, now: float) -> bool:
        """Whether it is as if it were new."""
        return self._paid_at <= now - _BURST_SECONDS


class Rates:
    """Holds senders to the rates of the settings, by reading slower: nothing is refused, and nothing is lost.

    A sender is an AE title at an address, however many associations it has.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._of_each = settings.sender_objects_per_second, settings.sender_mib_per_second * _MIB
        self._all = _buckets(settings.objects_per_second, settings.mib_per_second * _MIB)
        self._senders: dict[tuple[str | None, str | None], tuple[Bucket | None, Bucket | None]] = {}
        self._stopping = stopping
        self._clock = clock
        self._lock = threading.Lock()
        self._limited = any((*self._of_each, *filter(None, self._all)))

    def pace(self, sender: Sender, objects: int, bytes_: int) -> None:
        """So much has come from a sender; returns when it may go on, or the service stops."""
        if self._limited:
            self._stopping.wait(self.owed(sender, objects, bytes_))

    def owed(self, sender: Sender, objects: int, bytes_: int) -> float:
        """So much has come from a sender; for how many seconds nothing more should be read from it."""
        now, waits = self._clock(), [0.0]
        with self._lock:
            for buckets in (self._all, self._of(sender, now)):
                for bucket, amount in zip(buckets, (objects, bytes_), strict=True):
                    if bucket is not None and amount:
                        waits.append(bucket.take(amount, now))
        return max(waits)

    def _of(self, sender: Sender, now: float) -> tuple[Bucket | None, Bucket | None]:
        key = sender.calling_ae, sender.address
        if key not in self._senders:
            if len(self._senders) >= _MOST_SENDERS:
                self._forget_idle(now)
            self._senders[key] = _buckets(*self._of_each)
        return self._senders[key]

    def _forget_idle(self, now: float) -> None:
        for key, buckets in list(self._senders.items()):
            if all(bucket is None or bucket.is_full(now) for bucket in buckets):
                del self._senders[key]


def _buckets(objects_per_second: float, bytes_per_second: float) -> tuple[Bucket | None, Bucket | None]:
    """Of objects and of bytes; None for what has no limit."""
    return (
        Bucket(objects_per_second) if objects_per_second else None,
        Bucket(bytes_per_second) if bytes_per_second else None,
    )
