"""``python -m benchmarks.deid.large SMALL LARGE OUT``: how much memory a long object takes, from file to file, in MiB.

A process of its own, since a peak never falls.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from math import isqrt
from pathlib import Path
from typing import Final

from benchmarks.deid import ours
from benchmarks.deid.enhanced_mr import write_enhanced_mr
from benchmarks.figure import Budget, Figure
from benchmarks.memory import peak_mib
from benchmarks.scale import Scale

__all__ = ["measure", "needed"]

_ROWS: Final = 512
_FRAME_BYTES: Final = _ROWS * _ROWS * 2
_MARGIN_MIB: Final = 20


def needed(scale: Scale) -> int:
    """Bytes for what is written; what is read is a file of zeros that takes no room."""
    return scale.large_frames * _FRAME_BYTES


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """The same pixels under a header as short as any, and under one that describes each frame."""
    small = folder / "small.dcm"
    write_enhanced_mr(small, 1, seed=0)
    whole = _growth(small, folder / "frame.dcm", 1, isqrt(needed(scale) // 2))
    frames = _growth(small, folder / "frames.dcm", scale.large_frames, _ROWS)
    return [whole, frames]


def _growth(small: Path, large: Path, frames: int, rows: int) -> Figure:
    """What an object takes after a small one of the same kind."""
    out = large.with_suffix("")
    out.mkdir()
    write_enhanced_mr(large, frames, 1, rows)
    pixels_mib = frames * rows * rows * 2 / 2**20
    header_mib = large.stat().st_size / 2**20 - pixels_mib
    words: list[str | Path] = [sys.executable, "-m", "benchmarks.deid.large", small, large, out]
    grown = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    assert (out / large.name).stat().st_size / 2**20 > pixels_mib
    shutil.rmtree(out)
    plural = "s" if frames > 1 else ""
    what = f"memory for {frames:,} frame{plural}, {pixels_mib:,.0f} MiB, header {header_mib:.1g} MiB"
    return Figure(what, grown, "MiB", budget=Budget.value(at_most=round(header_mib + _MARGIN_MIB, 1)))


def _main(small: Path, large: Path, out: Path) -> None:
    ours.treat_files([small], out)
    before = peak_mib()
    ours.treat_files([large], out)
    print(peak_mib() - before)


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:]))
