"""The recipe: fastai's Learner, ranger, flat and then cosine, Dice and cross-entropy; resumable and seeded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fastai.callback.all  # noqa: F401 - gives Learner lr_find and fit_flat_cos
import numpy as np
import torch
from fastai.basics import Callback, DataLoader, DataLoaders, L, Learner, ranger
from fastai.learner import SkipToEpoch
from monai.losses import DiceCELoss
from torch import Tensor
from torch.utils.data import Dataset

from training.augment import random_patch
from training.cases import Case, prepared
from training.unet import build, load, save

__all__ = ["Settings", "learner", "train"]

# Voxels added above and below the fraction of Dice: without them a part that a case does not have has no gradient,
# and nothing speaks against specks of it far from any tumour.
_SMOOTH = 100.0
# Cross-entropy is a mean over mostly healthy voxels, hence small beside Dice.
_CE_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what comes out, beside the cases.

    Attributes
    ----------
    patch
        Edge of a patch in voxels; None: whole volumes.
    epochs, steps
        An epoch is so many steps; after each one everything is written down, to be resumed.
    flat
        Share of the steps before the learning rate begins to fall.
    lr
        None: found by the learning-rate finder.
    init
        Weights (safetensors) to start from.
    chances
        How often each case is drawn beside the others, by its name; a case that is not named has 1.
    """

    patch: int | None = 96
    epochs: int = 15
    steps: int = 100
    lr: float | None = 3e-3
    flat: float = 0.75
    seed: int = 1
    init: Path | None = None
    chances: Mapping[str, float] = field(default_factory=dict)


class _Patches(Dataset[tuple[Tensor, Tensor]]):
    """As many random patches as an epoch has steps; the n-th of a run is the same in every run of a seed."""

    def __init__(
        self, cases: Sequence[Case], cache: Path, settings: Settings, steps: int, first: int | None
    ) -> None:
        self._volumes = [tuple(map(torch.from_numpy, prepared(case, cache))) for case in cases]
        self._chances = torch.tensor([settings.chances.get(case.name, 1.0) for case in cases])
        self._settings, self._steps, self._next = settings, steps, first

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        number = index if self._next is None else self._next
        draw = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + number)
        if self._next is not None:
            self._next += 1
        channels, labels = self._volumes[int(torch.multinomial(self._chances, 1, generator=draw))]
        return random_patch(channels, labels, self._settings.patch, draw)

    def new_empty(self) -> None:
        """What `Learner.export` asks of a data set."""


class _Notes(Callback):
    """Writes weights, optimizer and place after every epoch, under their final names only when complete."""

    order = 90

    def __init__(self, folder: Path, settings: Settings, first_epoch: int) -> None:
        self.folder, self.settings, self.first_epoch = folder, settings, first_epoch

    def after_epoch(self) -> None:
        """Also called by the finder, and for epochs that are skipped on the way to where a run goes on."""
        if hasattr(self, "lr_finder") or self.epoch < self.first_epoch:
            return
        state = {
            "epoch": self.epoch + 1,
            "model": self.model.state_dict(),
            "optimizer": _plain(self.opt.state_dict()),
            "settings": {name: str(value) for name, value in asdict(self.settings).items()},
        }
        unfinished = self.folder / "last.part"
        torch.save(state, unfinished)
        unfinished.replace(self.folder / "last.pt")
        save(self.model, self.folder / "model.safetensors")
        with (self.folder / "log.jsonl").open("a") as log:
            values = [float(value) for value in self.recorder.log[1:] if isinstance(value, (int, float))]
            log.write(json.dumps({"epoch": self.epoch + 1, "values": values}) + "\n")


def learner(
    cases: Sequence[Case], watched: Sequence[Case], folder: Path, settings: Settings, first_epoch: int = 0
) -> Learner:
    """Learner over random patches of `cases`; loss on patches of `watched` is told after each epoch."""
    torch.manual_seed(settings.seed)
    cache = folder.parent / "cache"
    train_set = _Patches(cases, cache, settings, settings.steps, first_epoch * settings.steps)
    valid_set = _Patches(watched, cache, settings, 2 * len(watched), None)
    loaders = DataLoaders(
        DataLoader(train_set, bs=1, num_workers=0),
        DataLoader(valid_set, bs=1, num_workers=0),
        device=_device(),
    )
    network = load(settings.init).train() if settings.init else build()
    # A step takes a third of the time with channels last (oneDNN 3.x, AVX2); activations follow the weights.
    network = network.to(memory_format=torch.channels_last_3d)
    loss = DiceCELoss(
        softmax=True,
        to_onehot_y=True,
        include_background=False,
        batch=True,
        smooth_nr=_SMOOTH,
        smooth_dr=_SMOOTH,
        lambda_ce=_CE_WEIGHT,
    )
    notes = _Notes(folder, settings, first_epoch)
    made = Learner(loaders, network, loss_func=loss, opt_func=ranger, path=folder, cbs=[notes])
    # bf16 on a CPU without AMX or AVX512-BF16 is a hundred times slower, so only a GPU gets mixed precision.
    return made.to_fp16() if torch.cuda.is_available() else made


def train(cases: Sequence[Case], watched: Sequence[Case], folder: Path, settings: Settings) -> None:
    """Train, or go on where the last run in `folder` ended; leaves ``model.safetensors`` there."""
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.pt"
    state = torch.load(last, weights_only=True) if last.exists() else None
    first = state["epoch"] if state else 0
    made = learner(cases, watched, folder, settings, first)
    rate = settings.lr or found_rate(made)
    if state:
        made.model.load_state_dict(state["model"])
        made.create_opt()
        # fastai wants its own lists here.
        made.opt.load_state_dict(state["optimizer"] | {"hypers": L(state["optimizer"]["hypers"])})
    with made.no_bar():
        # fastai's own start_epoch is lost on the way from fit_flat_cos to fit (2.8.12).
        made.fit_flat_cos(
            settings.epochs, rate, pct_start=settings.flat, wd=1e-2, cbs=SkipToEpoch(first), reset_opt=False
        )


def found_rate(made: Learner) -> float:
    """fastai's learning-rate finder: the valley of the loss over rates."""
    found = made.lr_find(num_it=60, show_plot=False)
    print(f"learning rate {found.valley:.1e}", flush=True)
    return float(found.valley)


def _plain(value: object) -> object:
    """Without fastai's lists and numpy's numbers: then the file can be read without running what is in it."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, L)):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
