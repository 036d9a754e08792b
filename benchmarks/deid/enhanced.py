"""An enhanced MR of 10,000 elements that was never seen, from file to file; it has hardly any pixels."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.deid import ours, peers
from benchmarks.deid.enhanced_mr import write_enhanced_mr
from benchmarks.figure import Budget, Figure
from benchmarks.rounds import bests
from benchmarks.scale import Scale

__all__ = ["measure"]

_OURS = "anonymizer"
_BUDGET = Budget.value(at_most=25)
_ROUNDS: Final = 12  # for one of the scale's: each sees but one object, and only once


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Milliseconds of a processor for an object; in each round another, whose frames differ from all before."""
    rounds = scale.rounds * _ROUNDS
    files = [folder / f"{number}.dcm" for number in range(rounds)]
    elements = [write_enhanced_mr(file, scale.frames, seed) for seed, file in enumerate(files)]
    contenders: dict[str, peers.Contender] = {_OURS: partial(peers.in_process, ours.treat_files)}
    if peers.dicognito_python() is not None:
        contenders[peers.DICOGNITO] = peers.dicognito

    def turn(contender: peers.Contender, number: int) -> float:
        out = folder / "out"
        out.mkdir()
        took = contender([files[number]], out) * 1e3
        assert (out / files[number].name).stat().st_size > elements[number]
        shutil.rmtree(out)
        return took

    times = bests({name: partial(turn, one) for name, one in contenders.items()}, rounds, min)
    theirs = times.get(peers.DICOGNITO)
    what = f"enhanced MR of {elements[0]:,} elements, {scale.frames} frames, each unlike all others"
    return [Figure(what, times[_OURS], "ms", peers.DICOGNITO if theirs else "", theirs, _BUDGET)]
