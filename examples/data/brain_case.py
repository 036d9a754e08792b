"""Brain cases to train and judge a model on: harder than `make_brain_mr`, and no two alike.

An anatomy (`examples.data.anatomy`) is turned and warped, tumours push it aside, the four sequences get contrasts,
vessels and spots of their own, and each is seen by a scanner of its own. `write_case` writes one as the BraTS challenge
names its files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.anatomy import Anatomy
from examples.data.brain_mr import SEQUENCES
from examples.data.contrast import signals
from examples.data.deformation import places, sampled
from examples.data.growth import grown, planned
from examples.data.lesion import smooth_noise
from examples.data.scanner import acquired
from examples.data.volume import Volume

__all__ = ["BRATS_FILES", "BrainCase", "Head", "make_case", "make_head", "write_case"]

Field = NDArray[np.float32]

BRATS_FILES = {"T1w": "t1", "T2w": "t2", "FLAIR": "flair", "T1wCE": "t1ce"}
_STRIPPED_MM = (-1.0, 2.5)


@dataclass(frozen=True, slots=True)
class Head:
    """A brain before any scanner saw it.

    Attributes
    ----------
    shares : float32, shape (3, right, front, head)
        White matter, grey matter, fluid in cubes of 1 mm.
    labels : uint8, shape (right, front, head)
        0 none, 1 necrotic core and what does not enhance, 2 oedema, 3 enhancing.
    signals
        Sequences without noise, by name.
    """

    shares: Field
    labels: NDArray[np.uint8]
    signals: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class BrainCase:
    """Four sequences on one grid of 1 mm cubes, 0 outside the brain, and the truth."""

    sequences: Mapping[str, Field]
    labels: NDArray[np.uint8]


def make_head(anatomy: Anatomy, draw: np.random.Generator) -> Head:
    """One head with its tumours: none, one or several."""
    at = places(anatomy.shares.shape[1:], draw)
    growths = planned(anatomy.shares[0], at, draw)
    shares = sampled(anatomy.shares, at)
    labels = grown(growths, shares, draw)
    return Head(shares, labels, signals(shares, labels, draw))


def make_case(anatomy: Anatomy, seed: int) -> BrainCase:
    """The same anatomy and seed give the same case."""
    draw = np.random.default_rng([seed, *anatomy.name.encode()])
    head = make_head(anatomy, draw)
    # A tool that strips the skull is never quite right, and wrong in the same place for all four.
    smooth = ndimage.gaussian_filter(head.shares.sum(0), 1.5)
    edge = draw.uniform(*_STRIPPED_MM) + smooth_noise(smooth.shape, 15, draw)
    brain = smooth > np.clip(0.5 - 0.2 * edge, 0.1, 0.9)
    box = ndimage.find_objects(brain.astype(np.uint8))[0]
    sequences = {
        name: (acquired(head.signals[name], draw, reference=name == "T1wCE") * brain)[box]
        for name in SEQUENCES
    }
    return BrainCase(sequences, (head.labels * brain)[box])


def write_case(folder: Path, case: BrainCase) -> None:
    """Write ``<folder>/<name>_t1.nii.gz`` and so on, and ``_seg.nii.gz`` with 1 NCR, 2 ED, 4 ET, as BraTS does."""
    for name, said in BRATS_FILES.items():
        Volume(np.rint(case.sequences[name]).astype(np.int16), np.eye(4)).write(
            folder / f"{folder.name}_{said}.nii.gz"
        )
    labels = np.where(case.labels == 3, 4, case.labels).astype(np.uint8)
    Volume(labels, np.eye(4)).write(folder / f"{folder.name}_seg.nii.gz")
