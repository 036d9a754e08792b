"""Segmentations: from a mask and a series on disk to an object that a PACS has, beside dcmqi and plain highdicom."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.deid.room import roomiest
from benchmarks.figure import Budget, Figure
from benchmarks.results.cases import CASES, Case, Made
from benchmarks.results.makers import DCMQI, HIGHDICOM, OURS, from_files, from_memory
from benchmarks.rounds import medians, processor_seconds, seconds
from benchmarks.scale import Scale
from orthanc import OrthancServer, ServerNotInstalled, send
from ror.results import warm_up

__all__ = ["measure"]


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Each case: processor time beside the peers, time until Orthanc has it, and the most memory."""
    try:
        # It is older than Label Maps.
        server = OrthancServer(folder / "orthanc", settings={"UnknownSopClassAccepted": True})
    except ServerNotInstalled as missing:
        print(f"left out: {missing}", file=sys.stderr)
        return []
    warm_up()
    figures = []
    with server:
        for case in CASES:
            with roomiest(folder, case.needed(scale)) as where:
                figures += _of_case(case, case.write(where, scale), server, scale)
    return figures


def _of_case(case: Case, made: Made, server: OrthancServer, scale: Scale) -> list[Figure]:
    twice = Budget.ratio(at_least=2)
    took = _took(from_memory(case, made), scale)
    figures = [
        Figure(
            f"{case.name}, made and written", 1 / took[OURS], "SEG/s", HIGHDICOM, 1 / took[HIGHDICOM], twice
        )
    ]
    contenders = from_files(case, made)
    took = _took(contenders, scale)
    # highdicom and ours read the same headers with pydicom and the same mask with nibabel: most of what both take.
    figures += [
        Figure(f"{case.name}, files to file", 1 / took[OURS], "SEG/s", peer, 1 / took[peer], budget)
        for peer, budget in ((DCMQI, twice), (HIGHDICOM, None))
        if peer in took
    ]

    def delivered() -> None:
        send(server.peer, contenders[OURS]())

    until_held = medians({OURS: lambda _: seconds(delivered)}, scale.rounds)[OURS]
    figures.append(
        Figure(
            f"{case.name}, until Orthanc has it",
            until_held,
            "s",
            budget=Budget.value(at_most=case.most_seconds),
        )
    )
    peak = subprocess.run(
        [sys.executable, "-m", "benchmarks.results.peak", case.name, made.folder],
        check=True,
        capture_output=True,
        text=True,
    )
    return [
        *figures,
        Figure(f"{case.name}, memory", float(peak.stdout), "MiB", budget=Budget.value(at_most=case.most_mib)),
    ]


def _took(contenders: Mapping[str, Callable[[], object]], scale: Scale) -> dict[str, float]:
    """Seconds of a processor, of each."""
    return medians({name: partial(_turn, make) for name, make in contenders.items()}, scale.rounds)


def _turn(make: Callable[[], object], number: int) -> float:
    return processor_seconds(make)
