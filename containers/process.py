"""Running a workflow as processes of this machine, in a virtual environment of its own.

For laptops without Docker. **It is no sandbox**: the program runs as the user who runs the engine, sees the
network and every file of that user, and nothing but good manners keeps it from writing into the data folder.
What it does hold: time and memory limits, a log with a cap, and that nothing of a run outlives the engine.
Linux only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from containers.errors import ImageError, RuntimeUnavailable
from containers.folders import Growth, emptied
from containers.forked import Forked, fork_launcher
from containers.launch import GRACE_SECONDS
from containers.log_sink import LogSink
from containers.once import exclusive
from containers.package import Package
from containers.requirements import default_wheels, environment_for
from containers.runtime import (
    Availability,
    Ending,
    Image,
    OnLine,
    Outcome,
    Report,
    RunOrder,
    command_line,
    environment,
    exited,
    killed,
)
from containers.watch import memory_mib, start_ticks

__all__ = ["ProcessRuntime"]

_LOOK_SECONDS = 0.1


@dataclass(slots=True)
class _Run:
    """A program under way. Its standard input ends it: closed gently, written to at once."""

    process: Forked
    deadline: float
    ending: Ending | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def end(self, ending: Ending, at_once: bool = False) -> None:
        """Ask the launcher to end the program, and remember why; the first reason counts."""
        if self.ending is not None:
            return
        self.ending = ending
        with contextlib.suppress(BrokenPipeError):
            if at_once:
                self.process.stdin.write(b"!")
            self.process.stdin.close()


class ProcessRuntime:
    """Meets `Runtime` with virtual environments and processes.

    Parameters
    ----------
    root
        A folder of its own: ``envs/``, ``runs/`` (one file per run under way) and ``scratch/``.
    wheels
        Install requirements from this folder only, without network. Default: the environment variable
        ROR_WHEELS.
    host
        Where several machines share `root`, the name of this one: its runs are its own, and wait for no other's.
    """

    name = "process"

    def __init__(self, root: Path, wheels: Path | None = None, host: str = "") -> None:
        self._root = root.resolve()
        self._host = host
        self._wheels = wheels or default_wheels()
        self._runs: dict[str, _Run] = {}

    def availability(self) -> Availability:
        """See `Runtime.availability`."""
        if sys.platform != "linux":
            return Availability(False, f"the process runtime needs Linux, this is {sys.platform}; use Docker")
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            return Availability(False, "Python's venv is missing; on Debian: apt-get install python3-venv")
        return Availability(True)

    def prepare(self, package: Package, report: Report = print) -> Image:
        """See `Runtime.prepare`."""
        available = self.availability()
        if not available.ok:
            raise RuntimeUnavailable("the process runtime cannot work here", available.reason)
        if package.image_archive or not package.manifest.command:
            raise ImageError(
                f"{package.manifest.name} brings no program, only a container image",
                "Run it with Docker, or give it a workflow.toml with a command, and its program.",
            )
        folder = environment_for(package, self._root, self._wheels, report)
        return Image(self.name, str(folder), package.digest)

    def run(self, order: RunOrder, on_line: OnLine | None = None) -> Outcome:
        """See `Runtime.run`."""
        if not (Path(order.image.reference) / "bin" / "python").exists():
            raise ImageError(f"the environment {order.image.reference} is gone", "Prepare the package again.")
        with (
            LogSink(order.log_path, on_line) as log,
            exclusive(
                self._root / "runs" / self._host / f"{order.job_id}.json",
                lambda: log.note("another run of this job is under way; waiting for its end"),
            ) as record,
            self._scratch(order) as scratch,
        ):
            _end_survivor(record, log)
            emptied(order.output_dir)
            return self._execute(order, scratch, record, log)

    def stop(self, job_id: str) -> bool:
        """See `Runtime.stop`. Knows only the runs of this instance."""
        run = self._runs.get(job_id)
        if run is None:
            return False
        run.stop.set()
        return True

    @contextlib.contextmanager
    def _scratch(self, order: RunOrder) -> Iterator[Path]:
        folder = self._root / "scratch" / self._host / order.job_id
        # A run whose parent was killed left its own behind.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _execute(self, order: RunOrder, scratch: Path, record: BinaryIO, log: LogSink) -> Outcome:
        started_at = datetime.now(UTC)
        process = fork_launcher(_words(order), order.package.folder, _variables(order, scratch))
        run = _Run(process, time.monotonic() + order.limits.timeout_s)
        self._runs[order.job_id] = run
        try:
            _write_record(record, process.pid)
            _follow(run, order, log, Growth(order.limits.output_mib, order.output_dir, scratch))
            told = _outcome(run, order, process.wait(), started_at)
            if told.ending is Ending.TOO_MUCH_OUTPUT:  # which is no result, and others want the room
                emptied(order.output_dir)
            return told
        finally:
            del self._runs[order.job_id]
            # Also when the listener of the lines failed: the program must not go on alone.
            run.end(Ending.STOPPED, at_once=True)
            process.wait()
            process.close()


def _words(order: RunOrder) -> tuple[str, ...]:
    """The command; its ``python`` is the environment's, which comes first on PATH."""
    return command_line(
        order.package.manifest, str(order.data_dir.resolve()), str(order.output_dir.resolve())
    )


def _variables(order: RunOrder, scratch: Path) -> dict[str, str]:
    variables = environment(order, str(scratch))
    variables["PATH"] = f"{order.image.reference}/bin:/usr/local/bin:/usr/bin:/bin"
    variables["VIRTUAL_ENV"] = order.image.reference
    if order.gpus is not None:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(order.gpus)  # of an empty text, none is seen
    # Importing scikit-image, scipy and matplotlib takes 1 s with compiled modules at hand and 3 s without. They
    # are kept with the environment, so that the package's folder stays as it is.
    del variables["PYTHONDONTWRITEBYTECODE"]
    variables["PYTHONPYCACHEPREFIX"] = f"{order.image.reference}/pycache"
    return variables


def _write_record(record: BinaryIO, pid: int) -> None:
    record.truncate(0)
    record.write(json.dumps({"pid": pid, "start_ticks": start_ticks(pid)}).encode())
    record.flush()


def _end_survivor(record: BinaryIO, log: LogSink) -> None:
    """End what a killed engine left running: its output went nowhere, so it cannot be adopted."""
    text = record.read()
    if not text:
        return
    try:
        left = json.loads(text)
    except json.JSONDecodeError:
        return  # killed while writing it, so right after the start: the launcher ended with its parent
    if left["start_ticks"] is not None and start_ticks(left["pid"]) == left["start_ticks"]:
        _see_end(left["pid"])
    log.note("an earlier run of this job ended with its engine; starting it again")


def _see_end(pid: int) -> None:
    """Wait for the launcher, which ends with its parent but gives the program a grace; kill it if it does not."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            if not waiting.poll((GRACE_SECONDS + 2) * 1000):
                os.killpg(pid, signal.SIGKILL)
                waiting.poll(10_000)
        finally:
            os.close(descriptor)


def _follow(run: _Run, order: RunOrder, log: LogSink, growth: Growth) -> None:
    """Pass on what the program prints until it ends, and end it when it goes over a limit."""
    output = run.process.stdout.fileno()
    waiting = select.poll()
    waiting.register(output, select.POLLIN | select.POLLHUP)
    next_look = time.monotonic() + _LOOK_SECONDS
    while True:
        if waiting.poll(_LOOK_SECONDS * 1000):
            data = os.read(output, 1 << 16)
            if not data:
                return
            log.feed(data)
        now = time.monotonic()
        if run.stop.is_set():
            run.end(Ending.STOPPED)
        elif now > run.deadline:
            run.end(Ending.TIMED_OUT)
        elif now >= next_look:
            next_look = now + _LOOK_SECONDS
            if memory_mib(run.process.pid, order.limits.memory_mib) > order.limits.memory_mib:
                run.end(Ending.OUT_OF_MEMORY, at_once=True)
            elif growth.is_over():
                run.end(Ending.TOO_MUCH_OUTPUT, at_once=True)


def _outcome(run: _Run, order: RunOrder, code: int | None, started_at: datetime) -> Outcome:
    ended_at = datetime.now(UTC)
    if run.ending is not None:
        return Outcome(run.ending, None, started_at, ended_at, killed(run.ending, order.limits))
    if code is None:
        return Outcome(Ending.LOST, None, started_at, ended_at, "who started its launcher was killed")
    if code < 0:
        return Outcome(Ending.LOST, None, started_at, ended_at, f"its launcher was killed by signal {-code}")
    return Outcome(Ending.EXITED, code, started_at, ended_at, exited(code))
