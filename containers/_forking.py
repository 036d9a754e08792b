"""Forks a launcher (`_launch`) for each program: to start Python for each takes twenty times as long.

Executed as a file of its own, like it: ``python -I -S _forking.py GRACE_SECONDS``. Standard input is a socket that the
engine holds; it ends when that closes. A message on it brings four descriptors:

- a file with the order, as JSON: ``command``, ``folder`` to run it in, ``environment``;
- the launcher's standard input, and what it and the program print to;
- a pipe that is told the launcher's process id when it begins, and its exit code when it has ended, a line each.

Launchers do not need it any more once they are forked: each ends with its own standard input.
"""

import json
import os
import select
import socket
import sys
from pathlib import Path

# Isolated from everything else: neither the folder of this file nor site-packages is searched.
sys.path.insert(0, str(Path(__file__).parent))
import _launch  # type: ignore[import-not-found]

_NOT_ENTERED = 126
_DESCRIPTORS = 4
_MOST_DESCRIPTORS = 1 << 16


def main(grace_seconds: float) -> None:
    """Fork launchers until the engine has gone."""
    _launch.ignore_sigterm()  # whoever ends all processes of a service lets each launcher end its program
    engine = socket.socket(fileno=0)
    running: dict[int, tuple[int, int]] = {}  # by the descriptor that tells of its end: process id, pipe
    waiting = select.poll()
    waiting.register(engine, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                waiting.unregister(ready)
                _tell_end(ready, *running.pop(ready))
                continue
            descriptors = _received(engine)
            if not descriptors:
                return
            *theirs, told = descriptors
            pid = _forked()
            if pid == 0:
                _become_launcher(grace_seconds, *theirs)
            for one in theirs:
                os.close(one)
            if pid is None:
                os.close(told)  # without a process id
                continue
            _tell(told, pid)
            ended = os.pidfd_open(pid)
            running[ended] = pid, told
            waiting.register(ended, select.POLLIN)


def _received(engine: socket.socket) -> list[int]:
    _, descriptors, _, _ = socket.recv_fds(engine, 1, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    return descriptors


def _forked() -> int | None:
    try:
        return os.fork()
    except OSError:
        return None  # no memory, or too many processes: those that run keep their ends


def _become_launcher(grace_seconds: float, order: int, stdin: int, output: int) -> None:
    code = _NOT_ENTERED
    try:
        os.setsid()
        with os.fdopen(order, "rb", closefd=False) as file:
            told = json.load(file)
        os.dup2(stdin, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, _MOST_DESCRIPTORS)  # those of other runs, too
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["folder"])
        code = _launch.main(grace_seconds, told["command"])
    except OSError as error:
        print(f"cannot start {told['command'][0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _tell_end(ended: int, pid: int, told: int) -> None:
    os.close(ended)
    _tell(told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(told)


def _tell(told: int, number: int) -> None:
    try:
        os.write(told, b"%d\n" % number)
    except BrokenPipeError:
        return  # the engine has gone


if __name__ == "__main__":
    main(float(sys.argv[1]))
