"""The way of a folder, on one page: claim the place, look over the files, treat them, list what is left, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymizer import Profile
from ror.deid import report
from ror.deid.pool import Chunk, Tools, default_jobs, treated
from ror.deid.secret import Secret
from ror.deid.source import chunks, looked_over
from ror.deid.tally import Tally, Undone
from ror.deid.target import Stamp, Target, require_apart
from ror.deid.undone import UndoneList
from ror.errors import NotFound
from ror.stopping import Stop, asked_to_stop

__all__ = ["Order", "Result", "deidentify_folder"]

Told = Callable[[int, Tally], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes
    ----------
    source
        A folder with all that is below it, or one file.
    out
        Where the research objects go; neither is in the other.
    profile, secret
        By what, and with whose pseudonyms.
    jobs
        Processes; None for as many as are worth it.
    profile_name
        What the report calls the profile.
    ready
        Called once it is clear that `out` can be filled, before anything is written there: to keep a new secret.
    """

    source: Path
    out: Path
    profile: Profile
    secret: Secret
    jobs: int | None = None
    profile_name: str = ""
    ready: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Result:
    """What was done.

    Attributes
    ----------
    tally, report
        Counts, and the content of ``report.json``.
    undone
        The list of files that did not come out; None if all did.
    complete
        False where somebody has asked to stop.
    """

    tally: Tally
    report: dict[str, Any]
    undone: Path | None
    complete: bool


def deidentify_folder(order: Order, told: Told = lambda _total, _tally: None) -> Result:
    """De-identify all objects of a folder; `told` is called with the number of files and the counts so far.

    Raises
    ------
    NotFound
        There is no file.
    ConfigurationError, HomeInUse
        The folders, the key or the profile cannot be meant, or another run is there; nothing was written.
    ServiceUnavailable
        The disk is full, or a process was killed; what is there is whole, and the same order goes on from there.
    """
    source, out = order.source.resolve(), order.out.resolve()
    require_apart(source, out)
    total = looked_over(source) if source.exists() else 0
    if not total:
        raise NotFound(f"there is no file at {source}", "name the folder that the studies are in")
    jobs = order.jobs or default_jobs(total)
    began, at = time.monotonic(), time.time()
    tally, listed = Tally(), UndoneList(out)
    listed.require_place()
    stamp = _stamp(order)
    with Target(out).claimed(stamp, order.ready), asked_to_stop() as stop, listed as undone:
        tools = Tools(out, order.profile, order.secret)
        told(total, tally)

        def left(one: Undone) -> None:
            tally.add_undone(one)
            undone.add(one)

        with closing(treated(tools, _chunks(source, total, jobs, left), jobs, stop)) as handfuls:
            for done in handfuls:
                tally.merge(done.tally)
                for one in done.undone:
                    undone.add(one)
                told(total, tally)
        facts = report.facts(order.profile, order.profile_name, stamp, tally, _run(at, began, jobs, stop))
        report.write(facts, out)
    return Result(tally, facts, undone.path if tally.undone else None, not stop.asked)


def _chunks(source: Path, total: int, jobs: int, left: Callable[[Undone], None]) -> Iterator[Chunk]:
    for one in chunks(source, total, jobs):
        if isinstance(one, Undone):
            left(one)
        else:
            yield one


def _stamp(order: Order) -> Stamp:
    secret = order.secret.open(order.profile)
    try:
        fingerprint = secret.key.fingerprint(b"ror deid")[:16]
    finally:
        secret.close()
    return Stamp(order.profile.digest, fingerprint, order.secret.kind)


def _run(at: float, began: float, jobs: int, stop: Stop) -> report.Run:
    return report.Run(at, time.monotonic() - began, jobs, not stop.asked)
