"""How fast it is, beside its peers, measured in one run: ``python -m benchmarks [NAME…] [--quick] [--json FILE]``.

Each module of `SUITE` has ``measure(scale, folder) -> list[Figure]``. Contenders of one figure take turns within each
round, so that whatever else the machine does meets them alike, and a figure is the median of the rounds. Absolute
numbers are the machine's; ratios are what to compare between machines. A peer that is not installed is left out.
"""

from benchmarks.figure import Budget, Figure
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.suite import SUITE

__all__ = ["FULL", "QUICK", "SUITE", "Budget", "Figure", "Scale"]
