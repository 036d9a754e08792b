"""From file to file, in files per second of one processor; nothing is made durable."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.deid import ours, peers
from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import bests
from benchmarks.scale import Scale

__all__ = ["measure"]

_OURS = "anonymizer"
_BUDGETS = {
    peers.COPY: Budget.ratio(at_least=0.7),
    peers.DICOGNITO: Budget.ratio(at_least=25),
    peers.GDCMANON: Budget.ratio(at_least=1.8),
}
_ROUNDS: Final = 5  # for one of the scale's, since a turn takes less than a second
_SHARE: Final = {
    peers.DICOGNITO: 5,
    peers.DICOM_ANONYMIZER: 5,
}  # of the files, one in so many: these are slow


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """A series of CT slices of 0.53 MB, by a de-identifier that has seen nothing before."""
    study = CtObjects().write_study(folder / "in", scale.deidentified)
    files = sorted(study.iterdir())
    contenders = {_OURS: partial(peers.in_process, ours.treat_files)} | peers.installed(folder)
    shares = {name: files[: max(2, len(files) // _SHARE.get(name, 1))] for name in contenders}
    rates = bests(
        {name: partial(_turn, one, shares[name], folder) for name, one in contenders.items()},
        scale.rounds * _ROUNDS,
        max,
    )
    what = f"de-identification of {len(files)} files"
    return [
        Figure(what, rates[_OURS], "files/s", name, rate, _BUDGETS.get(name))
        for name, rate in rates.items()
        if name != _OURS
    ]


def _turn(contender: peers.Contender, files: Sequence[Path], folder: Path, _round: int) -> float:
    source, out = folder / "turn", folder / "out"
    source.mkdir()
    out.mkdir()
    for file in files:
        (source / file.name).hardlink_to(file)
    try:
        took = contender(sorted(source.iterdir()), out)
        assert len(list(out.iterdir())) == len(files)
        return len(files) / took
    finally:
        shutil.rmtree(source)
        shutil.rmtree(out)
