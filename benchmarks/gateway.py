"""Receiving by C-STORE: objects per second, ours beside dcmtk, Orthanc and plain pynetdicom.

The sender is dcmtk's storescu. Only `ror serve` de-identifies, indexes, and makes each object durable before it
acknowledges; our receive loop alone does what the others do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.receivers import (
    DCMTK,
    DCMTK_WITH_NAGLE,
    ORTHANC,
    OURS,
    PYNETDICOM,
    RECEIVE_LOOP,
    Receiver,
    all_receivers,
)
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale

__all__ = ["measure", "send"]

_STORESCU = Path("/usr/bin/storescu")  # by its path, since pynetdicom puts one of its own before it
_SMALL = 64  # rows and columns
# By associations, ours and theirs.
_BUDGETS = {
    (1, RECEIVE_LOOP, DCMTK): Budget.ratio(at_least=0.9),
    (4, RECEIVE_LOOP, DCMTK): Budget.ratio(at_least=1.0),
    (1, OURS, ORTHANC): Budget.ratio(at_least=2.0),
    (4, OURS, ORTHANC): Budget.ratio(at_least=2.0),
}
_PEERS = {RECEIVE_LOOP: (DCMTK, PYNETDICOM), OURS: (ORTHANC, DCMTK, PYNETDICOM)}


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Objects per second over 1 and 4 associations; from a sender that leaves Nagle's algorithm on; and small ones."""
    if not _STORESCU.exists():
        print("left out: dcmtk is not installed: apt-get install dcmtk", file=sys.stderr)
        return []
    objects, small = CtObjects(), CtObjects(_SMALL, first=10**9)
    with all_receivers(folder) as receivers:
        _warm_up(receivers.values(), objects, folder)
        fast = {name: one for name, one in receivers.items() if name != DCMTK_WITH_NAGLE}
        figures = []
        for associations in (1, 4):
            costs: dict[str, list[float]] = {}
            rates = _rates(fast, objects, folder, scale.rounds, scale.received, associations, costs=costs)
            what = f"C-STORE receive, {associations} association{'s' if associations > 1 else ''}"
            for ours, peers in _PEERS.items():
                budgets = {peer: _BUDGETS.get((associations, ours, peer)) for peer in peers}
                figures += _figures(what, rates, ours, budgets)
            figures += _cost(what, costs)
        with_nagle = {name: receivers[name] for name in (OURS, RECEIVE_LOOP, DCMTK_WITH_NAGLE)}
        count = scale.received_with_nagle
        slowed = _rates(with_nagle, objects, folder, scale.rounds, count, 1, nodelay=False)
        of_small = _rates(fast, small, folder, scale.rounds, scale.received, 1)
    what = "C-STORE receive, sender with Nagle on"
    figures += _figures(what, slowed, RECEIVE_LOOP, {DCMTK_WITH_NAGLE: Budget.ratio(at_least=20.0)})
    figures += _figures(what, slowed, OURS, {DCMTK_WITH_NAGLE: None})
    what = f"C-STORE receive, objects of {_SMALL} × {_SMALL}"
    return figures + _figures(what, of_small, OURS, {ORTHANC: Budget.ratio(at_least=1.0), DCMTK: None})


def _figures(
    what: str, rates: Mapping[str, float], ours: str, budgets: Mapping[str, Budget | None]
) -> list[Figure]:
    what = f"{what}, {ours}" if ours != OURS else what
    return [
        Figure(what, rates[ours], "objects/s", peer, rates[peer], budget)
        for peer, budget in budgets.items()
        if peer in rates
    ]


def _cost(what: str, costs: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Processor time, which tells more than rates where others use the machine; forked servers are not compared."""
    peers = [name for name in (ORTHANC, PYNETDICOM) if name in costs]
    ours = median(costs[OURS])
    return [
        Figure(f"{what}, processor time of an object", ours, "ms", peer, median(costs[peer]))
        for peer in peers
    ]


def send(peer: Receiver, studies: Sequence[Path], *, nodelay: bool = True) -> None:
    """Send each study over an association of its own, all at once; fails unless all is acknowledged."""
    address = ["-aet", "BENCH", "-aec", peer.peer.ae_title, peer.peer.host, str(peer.peer.port)]
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    if nodelay:
        environment["TCP_NODELAY"] = (
            "1"  # dcmtk leaves Nagle's algorithm on: 40 ms of waiting for each object
        )
    senders = [
        subprocess.Popen([str(_STORESCU), "-R", "+sd", *address, str(study)], env=environment)
        for study in studies
    ]
    for sender in senders:
        if sender.wait():
            raise RuntimeError(f"storescu could not send to {peer.name}: exit code {sender.returncode}")


def _rates(
    receivers: Mapping[str, Receiver],
    objects: CtObjects,
    folder: Path,
    rounds: int,
    count: int,
    associations: int,
    *,
    nodelay: bool = True,
    costs: dict[str, list[float]] | None = None,
) -> dict[str, float]:
    """Objects per second of each receiver; all get the same objects in one round, and new ones in the next.

    What an object costs each of processor time (ms) is added to `costs`, for each round.
    """
    sent: dict[int, list[Path]] = {}

    def turn(receiver: Receiver, number: int) -> float:
        if number not in sent:
            _discard(sent)
            where = [folder / f"sent-{number}-{one}" for one in range(associations)]
            sent[number] = [objects.write_study(study, count // associations) for study in where]
        before, used = receiver.held(), receiver.processor_seconds()
        os.sync()  # nobody pays for what another has left in the page cache
        took = seconds(lambda: send(receiver, sent[number], nodelay=nodelay))
        arrived = receiver.held() - before
        if costs is not None:
            took_ms = 1000 * (receiver.processor_seconds() - used)
            costs.setdefault(receiver.name, []).append(took_ms / arrived)
        assert arrived == count // associations * associations, f"{receiver.name} filed {arrived} of {count}"
        return arrived / took

    rates = medians({name: partial(turn, one) for name, one in receivers.items()}, rounds)
    _discard(sent)
    return rates


def _discard(sent: dict[int, list[Path]]) -> None:
    for studies in sent.values():
        for study in studies:
            shutil.rmtree(study)
    sent.clear()


def _warm_up(receivers: Iterable[Receiver], objects: CtObjects, folder: Path) -> None:
    study = objects.write_study(folder / "warm-up", 4)
    for one in receivers:
        send(one, [study])
    shutil.rmtree(study)
