"""What looks for the tumour: the shipped network, another bundle, several, nnU-Net's, or no network at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from bundle import SHIPPED, Bundle
from gate import check_correlations, check_no_copies
from job import Unusable
from nnunet import NnUnet
from numpy.typing import NDArray
from prepare import Prepared
from seen import Look, Seen, label_map, only_in_brain

__all__ = ["find_model"]

Volume = NDArray[np.float32]


def find_model(words: list[str]) -> Look:
    """``unet``, ``classical``, ``bundle DIR``, ``ensemble FILE`` or ``nnunet DIR``.

    Networks are loaded before the images are. FILE is what ``crossval.py`` writes: a JSON object with bundles as keys.

    Raises
    ------
    Unusable
        There is no such model, or its files are not what they were.
    """
    match words:
        case ["unet"]:
            return _bundle(Bundle.read(SHIPPED))
        case ["bundle", folder]:
            return _bundle(Bundle.read(Path(folder)))
        case ["ensemble", file]:
            return _ensemble([_bundle(Bundle.read(Path(folder))) for folder in _named(Path(file))])
        case ["nnunet", folder]:
            return _nnunet(NnUnet.read(Path(folder)))
        case ["classical"]:
            return _classical
    raise Unusable(
        f"there is no model {' '.join(words)!r}; there are unet, classical, bundle DIR, ensemble FILE, nnunet DIR"
    )


def _bundle(bundle: Bundle) -> Look:
    from ir import compiled
    from network import flipped, in_windows, one_pass

    infer = one_pass(compiled(bundle.network))
    if bundle.window:
        infer = in_windows(infer, (bundle.window,) * 3)
    places = [bundle.labels.index(label) for label in range(len(bundle.labels))]
    name = f"{bundle.name} {bundle.version} {bundle.identity}"

    def look(prepared: Prepared) -> Seen:
        channels = prepared.channels(bundle.channels)
        check_no_copies(channels, bundle.channels)
        check_correlations(channels, bundle.channels, bundle.limits)
        seen = _mean(list(flipped(infer, channels)), lambda seen: seen[places], prepared, name)
        bundle.plausible.only(seen.probabilities)
        return seen

    return look


def _nnunet(model: NnUnet) -> Look:
    from ir import compiled
    from network import flipped
    from nnunet_path import channels_of, classes, in_patches

    infer = in_patches(model, [compiled(network) for network in model.networks])
    name = f"{model.name} (nnU-Net) {model.identity}"

    def look(prepared: Prepared) -> Seen:
        channels = channels_of(model, prepared)
        check_no_copies(channels, model.channels)
        seen = list(flipped(infer, channels))
        return _mean(seen, lambda outputs: classes(model, outputs), prepared, name)

    return look


def _mean(
    seen: Sequence[Volume], classes: Callable[[Volume], Volume], prepared: Prepared, model: str
) -> Seen:
    """What the mirrors say together; `classes` takes a network's outputs to the four of `Seen`."""
    each = tuple(label_map(classes(one), prepared.brain) for one in seen)
    mean = classes(np.mean(seen, axis=0, dtype=np.float32))
    return Seen(only_in_brain(mean, prepared.brain), each, model)


def _ensemble(looks: list[Look]) -> Look:
    def look(prepared: Prepared) -> Seen:
        seen = [one(prepared) for one in looks]
        mean = np.mean([one.probabilities for one in seen], axis=0)
        return Seen(
            mean,
            tuple(label_map(one.probabilities, prepared.brain) for one in seen),
            " + ".join(one.model for one in seen),
        )

    return look


def _named(file: Path) -> list[str]:
    if not file.is_file():
        raise Unusable(f"{file} is not there: crossval.py writes it")
    return list(json.loads(file.read_text("utf-8")))


def _classical(prepared: Prepared) -> Seen:
    from classical import normalised, segment

    spacing_mm = np.ones(3)
    labels = segment(normalised(prepared.sequences, spacing_mm), spacing_mm)
    probabilities = np.stack([(labels == label).astype(np.float32) for label in range(4)])
    return Seen(probabilities, (labels,), "classical")
