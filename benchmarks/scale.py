"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run; `rounds` is how often each contender has its turn."""

    rounds: int
    received: int  # CT objects sent to each receiver in a turn
    received_with_nagle: int  # fewer, since a sender with Nagle's algorithm waits 40 ms for each
    many: int  # small objects that are received while memory is looked at
    deidentified: int  # CT objects in a turn of each de-identifier
    frames: int  # of an enhanced MR, with 37 elements each
    large_frames: int  # of 0.5 MiB, in the object that may not be loaded
    folder_files: int  # CT objects in the folder that is de-identified by processes
    catalogue: int  # series that a statement is evaluated over
    scanned: int  # files in the folder that a developer's data are read from
    archive: int  # series in the database that is searched; a tenth of it, too, for what grows
    brain_slices: int  # slices of 240 × 240 in the study whose SEG is delivered
    measurements: int  # each of a record of its own, into REDCap
    jobs: int  # no-op jobs in a turn of the engine
    settle_seconds: float  # within which their studies are all sent
    sleeping: int  # jobs of two seconds in a turn of the engine
    workers: tuple[int, ...]  # numbers of workers that share them
    finished: int  # jobs that have ended, in the database of others
    hosts: tuple[int, ...]  # numbers of hosts in simulations of placement
    scheduled: int  # jobs that are placed in each


FULL = Scale(
    rounds=3,
    received=200,
    received_with_nagle=40,
    many=100_000,
    deidentified=500,
    frames=268,
    large_frames=2048,
    folder_files=1000,
    catalogue=10_000,
    scanned=20_000,
    archive=1_000_000,
    brain_slices=155,
    measurements=10_000,
    jobs=60,
    settle_seconds=2.0,
    sleeping=72,
    workers=(1, 2, 3),
    finished=100_000,
    hosts=(1, 20, 100, 500),
    scheduled=100_000,
)
QUICK = Scale(
    rounds=1,
    received=40,
    received_with_nagle=10,
    many=2_000,
    deidentified=20,
    frames=40,
    large_frames=128,
    folder_files=40,
    catalogue=2_000,
    scanned=1_000,
    archive=20_000,
    brain_slices=31,
    measurements=1_000,
    jobs=10,
    settle_seconds=2.0,
    sleeping=8,
    workers=(1, 2, 3),
    finished=2_000,
    hosts=(1, 20),
    scheduled=2_000,
)
