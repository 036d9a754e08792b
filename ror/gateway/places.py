"""How many connections there may be: those that have asked for an association, and those that have not yet."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from ror.gateway.association import Refusal

__all__ = ["Places", "shut"]

_HALF_OPEN: Final = 128
_PATIENCE_SECONDS: Final = 0.25  # a request for an association follows its connection at once
_FULL: Final = Refusal(2, 3, 2, "listener.max_associations is reached")  # local limit exceeded
_CROWDED: Final = Refusal(2, 3, 1, "listener.max_associations_per_address is reached")  # temporary congestion


class Places:
    """Counts connections, from any number of threads.

    A connection is half open until it has asked for an association. The half-open ones cannot keep others out: when
    there are too many, the oldest of the address that has the most is closed, as soon as it has had its time.
    """

    def __init__(self, associations: int, per_address: int, half_open: int = _HALF_OPEN) -> None:
        self._associations = associations
        self._per_address = per_address
        self._most_half_open = half_open
        self._half_open: dict[socket.socket, tuple[str, float]] = {}
        self._established: dict[socket.socket, str] = {}
        self._of_address: Counter[str] = Counter()
        self._changed = threading.Condition()

    def open(self, connection: socket.socket) -> None:
        """A connection has come in; waits until there is room for one more that is half open.

        Raises
        ------
        OSError
            It is closed already.
        """
        address = str(connection.getpeername()[0])
        with self._changed:
            while len(self._half_open) >= self._most_half_open:
                oldest, since = self._first_to_go()
                wait = since + _PATIENCE_SECONDS - time.monotonic()
                if wait <= 0:
                    del self._half_open[oldest]
                    shut(oldest)
                else:
                    self._changed.wait(wait)
            self._half_open[connection] = (address, time.monotonic())

    def _first_to_go(self) -> tuple[socket.socket, float]:
        """Not simply the oldest: a flood from one address would close those of honest senders on a busy machine."""
        ((crowding, _),) = Counter(address for address, _ in self._half_open.values()).most_common(1)
        return next((one, since) for one, (address, since) in self._half_open.items() if address == crowding)

    def enter(self, connection: socket.socket, address: str) -> Refusal | None:
        """It asks for an association, and has a place now unless it is refused."""
        with self._changed:
            if len(self._established) >= self._associations:
                return _FULL
            if self._of_address[address] >= self._per_address:
                return _CROWDED
            self._half_open.pop(connection, None)
            self._established[connection] = address
            self._of_address[address] += 1
            self._changed.notify_all()
            return None

    def leave(self, connection: socket.socket) -> None:
        """It is closed."""
        with self._changed:
            self._half_open.pop(connection, None)
            address = self._established.pop(connection, None)
            if address is not None:
                self._of_address[address] -= 1
                if not self._of_address[address]:
                    del self._of_address[address]
            self._changed.notify_all()

    def wake_all(self) -> None:
        """End every wait for something that a peer might send."""
        with self._changed:
            for connection in (*self._half_open, *self._established):
                shut(connection, socket.SHUT_RD)


def shut(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Wake the thread that waits for it."""
    with suppress(OSError):  # it is closed
        # Not the method of an SSLSocket, which would go on in plain text.
        socket.socket.shutdown(connection, how)
