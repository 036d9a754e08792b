"""Handfuls of files treated by one or several processes, in order, with few of them in memory at a time."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as StillBusy
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.synchronize import Event, Lock
from pathlib import Path

from anonymizer import Profile
from ror.deid.one import Bench
from ror.deid.secret import Secret
from ror.deid.tally import Tally, Undone
from ror.errors import ServiceUnavailable
from ror.stopping import Stop, end_with_parent, kept_from_children
from ror.walking import Found

__all__ = ["Tools", "Treated", "default_jobs", "treated"]

_FILES_WORTH_A_PROCESS = 200  # that many take about as long as a process takes to start
_AHEAD = 3  # handfuls that wait for each process
_LOOKED_UP_EVERY_S = 0.2

Chunk = tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a process is given to open a `Bench`."""

    out: Path
    profile: Profile
    secret: Secret


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of a handful."""

    tally: Tally
    undone: tuple[Undone, ...]


def default_jobs(files: int) -> int:
    """As many processes as there are cores for us, fewer where they would start for a few files each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 1 + files // _FILES_WORTH_A_PROCESS)


def treated(tools: Tools, chunks: Iterable[Chunk], jobs: int, stop: Stop) -> Generator[Treated]:
    """Treat handfuls in order until `stop` is asked for; then end each file that was begun.

    Raises
    ------
    ServiceUnavailable
        The folder cannot be written any more, or a process was killed.
    """
    if jobs == 1:
        secret = tools.secret.open(tools.profile)
        try:
            bench = Bench.of(tools.out, tools.profile, secret, nullcontext())
            for chunk in chunks:
                yield _treat(bench, chunk, lambda: stop.asked)
                if stop.asked:
                    return
        finally:
            secret.close()
        return
    # Not forked from here: threads, and open databases, do not survive that.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    alone, stopping = context.Lock(), context.Event()
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, context, _begin, (tools, alone, stopping))
    try:
        yield from _in_order(pool, iter(chunks), jobs * _AHEAD, stop, stopping)
    except BrokenProcessPool as error:
        # The pool terminates them and waits, but they are kept from that signal.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise ServiceUnavailable(
            "a process that de-identified was killed, as happens when memory is short",
            "run the same command again with fewer --jobs: it goes on where it stopped",
        ) from error
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, chunks: Iterator[Chunk], ahead: int, stop: Stop, stopping: Event
) -> Iterator[Treated]:
    waiting: deque[Future[Treated]] = deque()

    def submit() -> None:
        chunk = None if stop.asked else next(chunks, None)
        if chunk is not None:
            with kept_from_children():
                waiting.append(pool.submit(_treat_here, chunk))

    for _ in range(ahead):
        submit()
    while waiting:
        if stop.asked:
            stopping.set()
        try:
            done = waiting[0].result(timeout=_LOOKED_UP_EVERY_S)
        except StillBusy:
            continue
        waiting.popleft()
        yield done
        submit()


def _treat(bench: Bench, chunk: Chunk, stopped: Callable[[], bool]) -> Treated:
    tally = Tally()
    undone = bench.treat(chunk, tally, stopped)
    return Treated(tally, tuple(undone))


# -- in a worker process ----------------------------------------------------------------------------------------------

_here: list[tuple[Bench, Event]] = []


def _begin(tools: Tools, alone: Lock, stopping: Event) -> None:
    """Open the bench of this process, once."""
    end_with_parent()
    secret = tools.secret.open(tools.profile)
    gc.freeze()  # what loading has made stays, and need not be looked at for garbage again and again
    _here.append((Bench.of(tools.out, tools.profile, secret, alone), stopping))


def _treat_here(chunk: Chunk) -> Treated:
    ((bench, stopping),) = _here
    return _treat(bench, chunk, stopping.is_set)
