"""One space for four series: cubes of 1 mm along the patient's axes; the others are laid onto T1wCE."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import SimpleITK
from study import Sequence

__all__ = ["REFERENCE", "Registered", "common_grid", "onto", "registered"]

REFERENCE = "T1wCE"
_BINS = 32
_POINTS = 30_000
_SEED = 1
_COARSE_MM = (4.0, 2.0)
_SMOOTH_MM = (2.0, 1.0)
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Registered:
    """How one series lies on T1wCE.

    Attributes
    ----------
    transform
        Rigid; takes points of T1wCE to points of the series (mm, LPS).
    information
        Mutual information with T1wCE where they were left, in nats; the more, the better they agree.
    moved_mm, turned_degrees
        How far the middle of T1wCE moves, and by which angle it turns.
    """

    transform: SimpleITK.Transform
    information: float
    moved_mm: float
    turned_degrees: float


def common_grid(reference: Sequence) -> SimpleITK.Image:
    """An empty image of 1 mm cubes over the whole of `reference`; axes grow to the right, the front and the head.

    The first cube lies on a corner of the reference, so a reference of 1 mm along the patient's axes is not
    interpolated.
    """
    image = reference.image
    corners = np.array(
        [
            image.TransformContinuousIndexToPhysicalPoint(
                [float(step * (size - 1)) for step, size in zip(at, image.GetSize(), strict=True)]
            )
            for at in np.ndindex(2, 2, 2)
        ]
    )
    low, high = corners.min(0), corners.max(0)
    grid = SimpleITK.Image([int(length) for length in np.floor(high - low + 1e-3) + 1], SimpleITK.sitkFloat32)
    grid.SetOrigin((high[0], high[1], low[2]))
    grid.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return grid


def registered(sequences: Mapping[str, Sequence]) -> dict[str, Registered]:
    """Register all others to T1wCE, side by side."""
    fixed = sequences[REFERENCE].image
    others = [name for name in sequences if name != REFERENCE]
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(min(len(others), cores)) as pool:
        found = pool.map(lambda name: _register(fixed, sequences[name].image, max(1, cores // 2)), others)
        return dict(zip(others, found, strict=True))


def onto(
    grid: SimpleITK.Image, moving: SimpleITK.Image, transform: SimpleITK.Transform | None = None
) -> SimpleITK.Image:
    """Resample linearly; 0 where there is nothing."""
    return SimpleITK.Resample(
        moving,
        grid,
        transform or SimpleITK.Transform(3, SimpleITK.sitkIdentity),
        SimpleITK.sitkLinear,
        0.0,
        SimpleITK.sitkFloat32,
    )


def _register(fixed: SimpleITK.Image, moving: SimpleITK.Image, threads: int) -> Registered:
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(threads)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    shrink = [max(1, round(mm / min(fixed.GetSpacing()))) for mm in _COARSE_MM]
    shares = [min(1.0, _POINTS * factor**3 / fixed.GetNumberOfPixels()) for factor in shrink]
    method.SetMetricSamplingPercentagePerLevel(shares, _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, _STEPS, gradientMagnitudeTolerance=1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    # The same frame of reference means that the scanner knows where they lie, so the start is where they are.
    start = SimpleITK.Euler3DTransform()
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([size / 2 for size in fixed.GetSize()]))
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(fixed, moving)
    rigid = SimpleITK.Euler3DTransform(start)
    moved_mm = float(np.linalg.norm(rigid.GetTranslation()))
    turn = np.array(rigid.GetMatrix()).reshape(3, 3)
    degrees = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    return Registered(rigid, -float(method.GetMetricValue()), moved_mm, degrees)
