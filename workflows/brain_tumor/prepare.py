"""From four series to what the network takes: one space, one brain, one scale. And back to a series' own grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK
from brain import already_stripped, find_brain
from gate import check_brain, check_registration
from numpy.typing import NDArray
from registration import REFERENCE, Registered, common_grid, onto, registered
from steps import Steps
from study import Sequence, same_grid
from volumes import zscored

__all__ = ["Prepared", "on_grid_of", "prepare"]

Volume = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Four sequences in cubes of 1 mm.

    Attributes
    ----------
    sequences : float32, shape (right, front, head)
        By name; cropped to the brain, 0 outside it.
    brain : bool, same shape
    grid : SimpleITK.Image
        The whole common grid, before cropping.
    box
        Where the crop lies in it: slices of (right, front, head).
    transforms
        From points of T1wCE to points of each other series; empty where they lay on one grid.
    """

    sequences: Mapping[str, Volume]
    brain: NDArray[np.bool_]
    grid: SimpleITK.Image
    box: tuple[slice, ...]
    transforms: Mapping[str, SimpleITK.Transform]

    def channels(self, names: tuple[str, ...]) -> Volume:
        """Float32, shape (4, right, front, head), in the order of `names`."""
        return np.stack([zscored(self.sequences[name], self.brain) for name in names])


def prepare(sequences: Mapping[str, Sequence], steps: Steps) -> Prepared:
    """Register, resample, find the brain and crop to it; what has been done before is seen and left out.

    Raises
    ------
    Unusable
        A series cannot be registered, or there is no brain.
    """
    transforms: dict[str, SimpleITK.Transform] = {}
    if same_grid(sequences):
        steps.skip("registration", "the series lie on one grid")
    else:
        with steps.timed("registration"):
            found = registered(sequences)
            for name, one in found.items():
                _check(name, one)
            transforms = {name: one.transform for name, one in found.items()}
    with steps.timed("resampling"):
        grid = common_grid(sequences[REFERENCE])
        volumes = {
            name: _cubes(onto(grid, one.image, transforms.get(name))) for name, one in sequences.items()
        }
    brain = already_stripped(list(volumes.values()))
    if brain is not None:
        steps.skip("brain", "all but the brain is 0")
    else:
        with steps.timed("brain"):
            brain = find_brain(volumes["T1w"])
    check_brain(brain, volumes)
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(brain))
    inside = brain[box]
    return Prepared(
        {name: np.where(inside, volume[box], 0) for name, volume in volumes.items()},
        inside,
        grid,
        box,
        transforms,
    )


def on_grid_of(series: Sequence, prepared: Prepared, volume: Volume) -> Volume:
    """Lay a cropped volume of the common space onto a series' own grid: float32, shape (columns, rows, slices)."""
    whole = np.zeros(prepared.grid.GetSize(), np.float32)
    whole[prepared.box] = volume
    image = SimpleITK.GetImageFromArray(whole.transpose(2, 1, 0))
    image.CopyInformation(prepared.grid)
    transform = prepared.transforms.get(series.name)
    back = onto(series.image, image, transform.GetInverse() if transform else None)
    return np.asarray(SimpleITK.GetArrayFromImage(back)).transpose(2, 1, 0)


def _check(name: str, found: Registered) -> None:
    check_registration(name, found.information, found.moved_mm, found.turned_degrees)


def _cubes(image: SimpleITK.Image) -> Volume:
    """Shape (right, front, head)."""
    return np.ascontiguousarray(SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0))
