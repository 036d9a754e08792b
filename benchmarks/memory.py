"""``python -m benchmarks.memory URL``: how much the peak of resident memory grows by one whole search, in MiB.

A process of its own, since a peak never falls.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import select_lang
from benchmarks.archive import PROJECT
from benchmarks.questions import THREE_NAMES
from ror.archive import Catalogue
from ror.db import Database
from select_lang.classification import Classifier

__all__ = ["growth_mib", "peak_mib"]


def growth_mib(url: str) -> float:
    """What a fresh process takes for a search of this database, beyond what it has when it has begun."""
    words = [sys.executable, "-m", "benchmarks.memory", url]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def _main(url: str) -> None:
    catalogue = Catalogue(Database(url), lambda _project: Classifier.shipped())
    # Everything is imported and connected by one that finds nothing.
    for _ in catalogue.search(select_lang.read("select study where PatientID = nobody"), "no-project"):
        pass
    before = peak_mib()
    for _ in catalogue.search(select_lang.read(THREE_NAMES), PROJECT):
        pass
    print(peak_mib() - before)


def peak_mib() -> float:
    """The most memory that this process ever had resident."""
    # Not getrusage's: that begins with the peak of whoever started us.
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    _main(sys.argv[1])
