"""``ror deid run`` over a folder, by one process and by two; the whole command with its start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale

__all__ = ["measure", "needed"]

_ROR = str(Path(sys.executable).parent / "ror")
_SERIES: Final = 10
_FILE_BYTES: Final = 531_000


def needed(scale: Scale) -> int:
    """Bytes for what is read and written."""
    return 2 * scale.folder_files * _FILE_BYTES


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Files per second, of ten studies."""
    objects, source = CtObjects(), folder / "in"
    files = scale.folder_files // _SERIES * _SERIES
    for number in range(_SERIES):
        objects.write_study(source / str(number), files // _SERIES)
    one, two = "1 process", "2 processes"
    rates = medians(
        {one: partial(_turn, folder, files, 1), two: partial(_turn, folder, files, 2)}, scale.rounds
    )
    return [Figure(f"ror deid run, {files} files, 2 processes", rates[two], "files/s", one, rates[one])]


def _turn(folder: Path, files: int, jobs: int, _round: int) -> float:
    out = folder / "out"
    words: list[str | Path] = [
        _ROR,
        "deid",
        "run",
        folder / "in",
        "--out",
        out,
        "--key",
        folder / "bench.key",
    ]
    took = seconds(
        lambda: subprocess.run([*words, "--jobs", str(jobs)], check=True, stdout=subprocess.DEVNULL)
    )
    assert sum(1 for _ in out.rglob("*.dcm")) == files
    for made in folder.glob("out*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    return files / took
