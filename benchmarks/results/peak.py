"""``python -m benchmarks.results.peak CASE FOLDER``: the most memory of a process that makes one segmentation.

A process of its own, since a peak never falls; in MiB, with all that was imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.memory import peak_mib
from benchmarks.results.cases import CASES, Made
from benchmarks.results.makers import ours

if __name__ == "__main__":
    (case,) = (one for one in CASES if one.name == sys.argv[1])
    ours(case, Made(Path(sys.argv[2])))
    print(peak_mib())
