"""nnU-Net's way from a prepared study to probabilities, by the model's own plans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from network import Infer, in_windows, softmax
from nnunet import NnUnet
from numpy.typing import NDArray
from prepare import Prepared
from scipy import ndimage

__all__ = ["channels_of", "classes", "in_patches"]

Volume = NDArray[np.float32]

# nnU-Net's own step between patches.
_OVERLAP = 0.5
# It takes volumes as they lie in the file, and those of BraTS run to the left, to the back and to the head.
_LEFT_AND_BACK = (1, 2)


def channels_of(model: NnUnet, prepared: Prepared) -> Volume:
    """Mean 0 and deviation 1, in the brain or over all: float32, shape (channels, right, front, head)."""
    return np.stack(
        [
            _scaled(prepared.sequences[name], prepared.brain, in_brain)
            for name, in_brain in zip(model.channels, model.in_brain, strict=True)
        ]
    )


def in_patches(model: NnUnet, networks: Sequence[Callable[..., Any]]) -> Infer:
    """Outputs of the mean of all folds, for `classes`; in and out lie as `channels_of` has them."""

    def scores(patch: Volume) -> Volume:
        each = [np.asarray(network(patch[None])[0])[0] for network in networks]
        return np.mean(each, axis=0, dtype=np.float32)

    windows = in_windows(scores, model.patch, _OVERLAP)
    order = [0, *(3 - axis for axis in model.axes)]

    def infer(channels: Volume) -> Volume:
        seen = np.flip(channels, _LEFT_AND_BACK).transpose(order)
        spaced = tuple(max(1, round(n / mm)) for n, mm in zip(seen.shape[1:], model.spacing_mm, strict=True))
        found = _resized(windows(_resized(seen, spaced, 3)), seen.shape[1:], 1)
        return np.flip(found.transpose(np.argsort(order)), _LEFT_AND_BACK)

    return infer


def classes(model: NnUnet, outputs: Volume) -> Volume:
    """Probabilities of this package's four labels; nnU-Net too takes means of folds and mirrors before softmax.

    Regions are decided as nnU-Net does, each drawn over those before it where it is likelier than not (above 0 before
    the sigmoid), so a voxel has 0 or 1.
    """
    if not model.regions:
        return softmax(outputs[[model.labels.index(label) for label in range(len(model.labels))]])
    labels = np.zeros(outputs.shape[1:], np.uint8)
    for label, region in zip(model.labels, outputs, strict=True):
        labels[region > 0] = label
    return np.stack([labels == label for label in range(len(model.labels) + 1)]).astype(np.float32)


def _scaled(volume: Volume, brain: NDArray[np.bool_], in_brain: bool) -> Volume:
    part = volume[brain] if in_brain else volume
    scaled = (volume - part.mean()) / max(float(part.std()), 1e-8)
    return np.where(brain, scaled, 0).astype(np.float32) if in_brain else scaled.astype(np.float32)


def _resized(channels: Volume, shape: tuple[int, ...], order: int) -> Volume:
    """Nothing is interpolated where the model was trained on cubes of 1 mm, as those of BraTS are."""
    if channels.shape[1:] == shape:
        return np.ascontiguousarray(channels)
    factors = [new / old for new, old in zip(shape, channels.shape[1:], strict=True)]
    return np.stack(
        [ndimage.zoom(one, factors, order=order, mode="nearest", grid_mode=True) for one in channels]
    )
