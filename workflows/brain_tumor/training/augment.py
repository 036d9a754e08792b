"""Patches that are never the same twice: crop, flip, zoom, turn and shear in one resampling, then other intensities."""

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["patch_at", "random_patch"]

_TURN = math.radians(12)
_ZOOM = 0.15
_SHEAR = 0.05
_SCALE, _SHIFT, _NOISE = 0.12, 0.12, 0.08


def random_patch(
    channels: Tensor, labels: Tensor, size: int | None, draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One augmented patch of `size` cubed, or, with None, all of the volume padded to whole multiples of 16.

    Parameters
    ----------
    channels : float16, shape (4, x, y, z)
    labels : uint8, shape (x, y, z)

    Returns
    -------
    float32 of shape (4, size, size, size), and int64 of shape (1, size, size, size)
    """
    shape = labels.shape
    wanted = (size,) * 3 if size else tuple(-(-length // 16) * 16 for length in shape)
    centre = torch.tensor([(length - 1) / 2 for length in shape])
    if size:
        centre = _centre(labels, size, draw)
    patch, marked = patch_at(channels, labels, centre, wanted, _linear(draw))
    brain = (patch != 0).any(0, keepdim=True)
    scale = 1 + _SCALE * _between(draw, 4, 1, 1, 1)
    shift = _SHIFT * _between(draw, 4, 1, 1, 1)
    patch = patch * scale + shift
    if torch.rand((), generator=draw) < 0.3:
        patch = patch + _NOISE * torch.randn(patch.shape, generator=draw)
    return patch * brain, marked


def patch_at(
    channels: Tensor, labels: Tensor, centre: Tensor, wanted: tuple[int, ...], linear: Tensor
) -> tuple[Tensor, Tensor]:
    """Sample `wanted` voxels around `centre`, axes taken through `linear`; 0 outside."""
    shape = torch.tensor(labels.shape, dtype=torch.float32)
    theta = torch.zeros(1, 3, 4)
    # grid_sample counts from -1 to 1 and has its axes backwards.
    scaled = linear * torch.tensor(wanted, dtype=torch.float32) / shape[:, None]
    theta[0, :, :3] = scaled.flip(0).flip(1)
    theta[0, :, 3] = ((2 * centre + 1) / shape - 1).flip(0)
    grid = functional.affine_grid(theta, [1, 1, *wanted], align_corners=False)
    patch = functional.grid_sample(channels[None].float(), grid, align_corners=False)
    marked = functional.grid_sample(labels[None, None].float(), grid, mode="nearest", align_corners=False)
    return patch[0], marked[0].long()


def _centre(labels: Tensor, size: int, draw: torch.Generator) -> Tensor:
    """Three times of four in the tumour, each of its parts as often as the others; else anywhere."""
    present = [value for value in (1, 2, 3) if bool((labels == value).any())]
    if present and torch.rand((), generator=draw) < 0.75:
        value = present[int(torch.randint(len(present), (), generator=draw))]
        inside = (labels == value).nonzero()
        at = inside[int(torch.randint(len(inside), (), generator=draw))].float()
        at = at + (size / 5) * _between(draw, 3)
    else:
        at = torch.rand(3, generator=draw) * torch.tensor(labels.shape)
    low = torch.tensor([min(size, length) / 2 for length in labels.shape])
    return torch.minimum(torch.maximum(at, low), torch.tensor(labels.shape) - low)


def _linear(draw: torch.Generator) -> Tensor:
    matrix = torch.eye(3)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = float(_TURN * _between(draw, 1))
        turn = torch.eye(3)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    matrix = matrix @ (torch.eye(3) + _SHEAR * _between(draw, 3, 3))
    # Left and right only: a head upside down is never asked about, and learning it costs steps.
    flips = torch.tensor([1.0 - 2 * int(torch.randint(2, (), generator=draw)), 1, 1])
    return matrix * (1 + _ZOOM * _between(draw, 1)) * flips


def _between(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=draw) * 2 - 1
