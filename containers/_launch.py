"""Runs one program and lets nothing of it outlive the engine. Executed as a file of its own, standard library
only.

``python -I -S _launch.py GRACE_SECONDS COMMAND...``: standard input is a pipe that the engine holds. When it
closes, because the engine wants the end or has died, the program gets SIGTERM and after the grace SIGKILL; a
byte on it means SIGKILL at once. All descendants go with it, also those that made a session of their own, as
in a container. Exits with the program's code, or 128 + n after signal n; 127 when there is no such program,
126 when it may not be executed.

Not `preexec_fn`: that runs Python between fork and exec in a process that has threads, and may lock up.

Each run starts it, so it imports what is quick to import: neither contextlib nor signal (enum) nor pathlib, which
take longer than all the rest.
"""

import ctypes
import os
import resource
import select
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGKILL, _SIGTERM = 9, 15
_SIG_DFL, _SIG_IGN = ctypes.c_void_p(0), ctypes.c_void_p(1)
_GONE = (FileNotFoundError, ProcessLookupError)
_libc = ctypes.CDLL(None, use_errno=True)


def main(grace_seconds: float, command: list[str]) -> int:
    """Run `command` to its end or ours; return the exit code."""
    # Orphans of the program become our children, so that none can hide.
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    ignore_sigterm()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    child = os.fork()
    if child == 0:
        _become(command)
    status = _wait(child, grace_seconds)
    _sweep()
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def ignore_sigterm() -> None:
    """Leave it to the engine when we end."""
    _libc.signal(_SIGTERM, _SIG_IGN)


def _become(command: list[str]) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    _libc.signal(_SIGTERM, _SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    code = 127
    try:
        os.execvp(command[0], command)
    except PermissionError as error:
        code = 126
        print(f"cannot execute {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    os._exit(code)


def _wait(child: int, grace_seconds: float) -> int:
    ended = os.pidfd_open(child)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(0, select.POLLIN | select.POLLHUP)
    if ended not in [fd for fd, _ in waiting.poll()]:
        if os.read(0, 1) == b"":
            for pid in descendants(os.getpid()):
                _kill(pid, _SIGTERM)
            waiting.unregister(0)
            waiting.poll(grace_seconds * 1000)
        _kill(child, _SIGKILL)
    return os.waitpid(child, 0)[1]


def _sweep() -> None:
    """Kill what is left; again until nothing is, since it may fork meanwhile."""
    while _has_children():
        for pid in descendants(os.getpid()):
            _kill(pid, _SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _has_children() -> bool:
    """Whether anything is left below us: orphans come to us, so who has no child has no descendants."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def descendants(pid: int) -> list[int]:
    """All processes below `pid`. Read from /proc/*/stat: /proc/*/children is not in every kernel."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                # The name may hold anything, so count from its closing bracket: state, then parent (proc(5)).
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except _GONE:
            continue
        children.setdefault(parent, []).append(int(name))
    found = children.get(pid, [])
    for descendant in found:
        found += children.get(descendant, [])
    return found


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
