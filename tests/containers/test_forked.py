"""Programs are started by a process that does nothing else, which may be killed like any other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from containers.forked import Forked, fork_launcher

HERE = Path("/")


def started(*command: str, **environment: str) -> Forked:
    return fork_launcher(command, HERE, {"PATH": os.environ["PATH"]} | environment)


def told(run: Forked) -> tuple[bytes, int | None]:
    """What a program prints, and its exit code."""
    printed = run.stdout.readall()
    code = run.wait()
    run.close()
    assert printed is not None
    return printed, code


def parent_of(pid: int) -> int:
    # The name may hold anything, so count from its closing bracket: state, then parent (proc(5)).
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def has_ended(pid: int) -> bool:
    """Wait until a process has ended."""
    try:
        waiting = select.poll()
        waiting.register(os.pidfd_open(pid), select.POLLIN)
        return bool(waiting.poll(60_000))
    except ProcessLookupError:
        return True


def test_it_runs_in_its_folder_and_session_with_its_environment_alone() -> None:
    run = started("sh", "-c", "pwd; ps -o sid= -p $$; echo $WORD; env | wc -l; exit 7", WORD="Ωmega")
    printed, code = told(run)
    folder, session, word, variables = printed.decode().split()
    assert (folder, int(session), word, code) == ("/", run.pid, "Ωmega", 7)
    assert int(variables) <= 5  # those of the shell itself


def test_an_environment_may_be_larger_than_a_message() -> None:
    many = {f"PART{number}": "x" * 100_000 for number in range(8)}
    assert told(started("sh", "-c", "echo ${#PART0} ${#PART7}", **many)) == (b"100000 100000\n", 0)


def test_what_cannot_be_started_is_told_where_its_lines_would_be() -> None:
    assert told(started("no-such-program")) == (
        b"cannot start no-such-program: No such file or directory\n",
        127,
    )
    lost = fork_launcher(["true"], Path("/no/such/folder"), {})
    assert told(lost) == (b"cannot start true: No such file or directory\n", 126)


def test_a_signal_to_all_of_a_service_leaves_the_end_of_programs_to_the_engine() -> None:
    run = started("sh", "-c", "echo begun; read line < /proc/self/fd/0; sleep 60")
    assert run.stdout.read(6) == b"begun\n"
    os.kill(parent_of(run.pid), signal.SIGTERM)
    os.kill(run.pid, signal.SIGTERM)
    run.stdin.write(b"!")
    assert told(run)[1] == 128 + signal.SIGKILL
    assert told(started("true"))[1] == 0


def test_where_who_starts_them_is_killed_no_end_is_made_up_and_others_are_started() -> None:
    run = started("sh", "-c", "echo begun; sleep 60")
    assert run.stdout.read(6) == b"begun\n"
    forking = parent_of(run.pid)
    os.kill(forking, signal.SIGKILL)
    assert has_ended(forking)
    again = started("true")  # while the other still runs
    assert told(again)[1] == 0
    run.stdin.close()
    assert told(run) == (b"", None)
    assert has_ended(run.pid)


def test_it_ends_with_the_engine_and_so_do_programs() -> None:
    code = "\n".join(
        [
            "import os, sys, pathlib",
            f"sys.path.insert(0, {str(Path.cwd())!r})",
            "from containers.forked import fork_launcher",
            "run = fork_launcher(['sleep', '60'], pathlib.Path('/'), dict(os.environ))",
            "print(run.pid, flush=True)",
            "run.wait()",
        ]
    )
    engine = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    launcher = int(engine.stdout.readline())
    forking = parent_of(launcher)
    assert forking != engine.pid
    engine.kill()
    engine.wait()
    engine.stdout.close()
    assert has_ended(forking)
    assert has_ended(launcher)
