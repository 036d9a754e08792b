"""What so many of so many tell of the share that they were drawn from."""

from __future__ import annotations

from math import sqrt
from typing import Final

__all__ = ["wilson"]

_Z: Final = 1.959964  # 95 %


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The score interval of a share, 95 % (Wilson 1927); the whole range where nothing was tried."""
    if not trials:
        return 0.0, 1.0
    share, z2 = successes / trials, _Z**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
