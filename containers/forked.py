"""Programs that are started by a process of ours that does nothing else; `_forking` says how it works."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from containers.errors import RuntimeUnavailable
from containers.launch import GRACE_SECONDS

__all__ = ["Forked", "fork_launcher"]

_FORKING = (sys.executable, "-I", "-S", str(Path(__file__).with_name("_forking.py")), str(GRACE_SECONDS))
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
_GONE = (BrokenPipeError, ConnectionResetError)


class Forked:
    """A launcher with its program. Its standard input ends it; what both print is read from `stdout`."""

    def __init__(self, pid: int, stdin: int, stdout: int, told: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb", buffering=0)
        self.stdout = os.fdopen(stdout, "rb", buffering=0)
        self._told = os.fdopen(told, "rb", buffering=0)
        self._code: int | None = None

    def wait(self) -> int | None:
        """Wait for its end; the exit code, -n after signal n, None where nobody knows any more."""
        if not self._told.closed:
            said = self._told.readline()
            self._code = int(said) if said else None
            self._told.close()
        return self._code

    def close(self) -> None:
        """Close what leads to it."""
        self.stdin.close()
        self.stdout.close()


class _Forking:
    """The process that forks launchers: begun when it is first needed, and again where it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def order(self, descriptors: Sequence[int]) -> None:
        """Hand it the descriptors of an order."""
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(*_GONE):
                    socket.send_fds(self._socket, [b"!"], descriptors)
                    return
            self._begin()
            assert self._socket is not None
            socket.send_fds(self._socket, [b"!"], descriptors)

    def end(self) -> None:
        """Let it end; what it has forked goes on."""
        with self._lock:
            if self._socket is not None and self._process is not None:
                self._socket.close()
                self._process.wait()
                self._socket = self._process = None

    def _begin(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Launchers are copies of it: what programs could read of its environment has no secrets of ours.
            kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            self._process = subprocess.Popen(
                _FORKING, cwd="/", stdin=theirs.fileno(), start_new_session=True, env=kept
            )


_forking = _Forking()
atexit.register(_forking.end)


def fork_launcher(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Forked:
    """Start a program that cannot outlive us, in a session of its own.

    Raises
    ------
    RuntimeUnavailable
        It cannot be forked now, or who forks it was killed meanwhile.
    """
    with _order(command, folder, environment) as order:
        (stdin, to_stdin), (from_output, output), (from_told, told) = os.pipe(), os.pipe(), os.pipe()
        try:
            _forking.order([order, stdin, output, told])
        finally:
            for one in (stdin, output, told):
                os.close(one)
    pid = b""
    while not pid.endswith(b"\n") and (piece := os.read(from_told, 1)):
        pid += piece
    if not pid:
        for one in (to_stdin, from_output, from_told):
            os.close(one)
        raise RuntimeUnavailable(
            "no program can be started", "there is no memory left, or there are too many processes"
        )
    return Forked(int(pid), to_stdin, from_output, from_told)


@contextlib.contextmanager
def _order(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """In a file in memory: a message has less room than the environment of a program may take."""
    order = {"command": list(command), "folder": str(folder), "environment": dict(environment)}
    descriptor = os.memfd_create("order")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(json.dumps(order).encode("ascii"))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
