"""What must hold before a mask may be made: each fault is a sentence to people, and no mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

import numpy as np
from job import Unusable
from numpy.typing import NDArray

__all__ = [
    "BRAIN_ML",
    "check_brain",
    "check_correlations",
    "check_no_copies",
    "check_registration",
    "correlations",
]

# A template's space (ICBM 152) makes a brain a third larger than it is.
BRAIN_ML = (400.0, 2600.0)
_LEAST_COVERED = 0.9
_LEAST_INFORMATION = 0.12
_FARTHEST_MM, _FARTHEST_DEGREES = 60.0, 40.0
# T1w and T1wCE of one head come to 0.96; a copy with other noise or another scale lies above.
_COPY = 0.98
# How far a correlation may lie outside what training saw: real scanners differ more than made ones.
_TOLERANCE = 0.25


def check_brain(brain: NDArray[np.bool_], volumes: Mapping[str, NDArray[np.float32]]) -> None:
    """The mask has the size of a brain, and every sequence shows nearly all of it; cubes of 1 mm.

    Raises
    ------
    Unusable
        It has not.
    """
    size_ml = float(brain.sum()) / 1000
    if not BRAIN_ML[0] <= size_ml <= BRAIN_ML[1]:
        raise Unusable(
            f"no brain was found: what was taken for one has {size_ml:.0f} mL. Are these images of a head?"
        )
    for name, volume in volumes.items():
        covered = float((volume[brain] != 0).mean())
        if covered < _LEAST_COVERED:
            raise Unusable(f"{name} shows {covered:.0%} of the brain, less than {_LEAST_COVERED:.0%}")


def check_registration(name: str, information: float, moved_mm: float, turned_degrees: float) -> None:
    """A series that shares little with T1wCE, or that went far, was not registered.

    Raises
    ------
    Unusable
        So it is.
    """
    if information < _LEAST_INFORMATION:
        raise Unusable(
            f"{name} could not be registered to T1wCE: mutual information {information:.2f}, less than "
            f"{_LEAST_INFORMATION:.2f}. Are they of the same head?"
        )
    if moved_mm > _FARTHEST_MM or turned_degrees > _FARTHEST_DEGREES:
        raise Unusable(
            f"{name} could not be registered to T1wCE: it would have to move by {moved_mm:.0f} mm and turn by "
            f"{turned_degrees:.0f} degrees"
        )


def correlations(channels: NDArray[np.float32], names: Sequence[str]) -> dict[str, float]:
    """How the sequences go together inside the brain, by ``"T1w/T2w"``; every second voxel along each axis.

    ``"T1w<T1wCE"`` is the skewness of their difference: contrast agent makes few places brighter, and none darker.
    """
    sample = channels[:, ::2, ::2, ::2]
    inside = sample[:, (sample != 0).any(0)]
    matrix = np.corrcoef(inside)
    found = {
        f"{names[one]}/{names[other]}": float(matrix[one, other])
        for one, other in combinations(range(len(names)), 2)
    }
    if "T1w" in names and "T1wCE" in names:
        gain = inside[names.index("T1wCE")] - inside[names.index("T1w")]
        centred = np.clip((gain - gain.mean()) / max(float(gain.std()), 1e-6), -6, 6)
        found["T1w<T1wCE"] = float((centred**3).mean())
    return found


def check_no_copies(channels: NDArray[np.float32], names: Sequence[str]) -> None:
    """No sequence is another once more, scaled or exported anew, which its UID and its stored values do not tell.

    Raises
    ------
    Unusable
        Two go together as no two sequences do.
    """
    for pair, correlation in correlations(channels, names).items():
        if "/" in pair and correlation > _COPY:
            raise Unusable(
                f"{pair.replace('/', ' and ')} show the same (correlation {correlation:.3f}): one sequence is there "
                "twice, and another is missing"
            )


def check_correlations(
    channels: NDArray[np.float32], names: Sequence[str], limits: Mapping[str, tuple[float, float]]
) -> None:
    """Sequences that do not go together as in training were named wrongly, or are none of these.

    Raises
    ------
    Unusable
        With the order of names that would fit, if one does.
    """
    if not limits:
        return
    best = min(
        permutations(names),
        key=lambda order: (_outside(correlations(channels, order), limits), order != tuple(names)),
    )
    outside = _outside(correlations(channels, names), limits)
    if outside <= _TOLERANCE:
        return
    if _outside(correlations(channels, best), limits) <= _TOLERANCE / 5:
        wrong = [f"{name} looks like {like}" for name, like in zip(names, best, strict=True) if name != like]
        raise Unusable(f"the sequences seem to be named wrongly: {', '.join(wrong)}")
    raise Unusable(
        "the intensities are unlike those that the model was trained on "
        f"(correlations of sequences lie {outside:.2f} outside what it saw)"
    )


def _outside(found: Mapping[str, float], limits: Mapping[str, tuple[float, float]]) -> float:
    return max(
        max(limits[name][0] - value, value - limits[name][1], 0.0)
        for name, value in found.items()
        if name in limits
    )
