"""Ports for servers that have to be told theirs before they start, as Orthanc has."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

__all__ = ["free_port"]

_FIRST, _TRIES = 10_000, 1000
# The system gives the ports from here on to whoever asks for any, and to the near end of each connection.
_GIVEN_BY_LINUX_FROM = Path("/proc/sys/net/ipv4/ip_local_port_range")
_GIVEN_ELSEWHERE_FROM = 49_152  # RFC 6335, section 6
# Descriptors of names that are kept: of as many servers as may be about to start.
_kept: deque[int] = deque()
_KEPT_AT_MOST = 64


def free_port() -> int:
    """A port that nobody listens on, that nobody else gets from here, and that the system gives to nobody by itself.

    So it stays free until the server that is told it listens, whatever else starts meanwhile. Among processes this
    holds on Linux; elsewhere it is improbable that two of them get the same.
    """
    for _ in range(_TRIES):
        port = random.randrange(_FIRST, max(_given_from(), _FIRST + 1))
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            _keep(port)
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _given_from() -> int:
    try:
        return int(_GIVEN_BY_LINUX_FROM.read_text().split()[0])
    except OSError:
        return _GIVEN_ELSEWHERE_FROM


def _keep(port: int) -> None:
    """Take the port's name, which this process then has until it ends; `OSError` where another process has it."""
    if sys.platform != "linux":
        return
    with socket.socket(socket.AF_UNIX) as name:
        name.bind(
            f"\0a server will listen on port {port}"
        )  # abstract (unix(7)): not a file, and gone with us
        _kept.append(name.detach())
    if len(_kept) > _KEPT_AT_MOST:
        os.close(_kept.popleft())
