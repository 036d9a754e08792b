"""What looks for the tumour: the shipped network, another bundle, several, or no network at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bundle import SHIPPED, Bundle
from gate import check_correlations
from job import Unusable
from numpy.typing import NDArray
from prepare import Prepared

__all__ = ["Look", "Seen", "find_model"]

Volume = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model saw in cubes of 1 mm.

    Attributes
    ----------
    probabilities : float32, shape (4, right, front, head)
        Of no tumour, necrotic core, oedema, enhancing.
    each : uint8, shape (right, front, head)
        Label maps of every mirror; only the result's own where no mirrors were used.
    model
        Name, version and the first digits of the hash of its files.
    """

    probabilities: Volume
    each: tuple[NDArray[np.uint8], ...]
    model: str


Look = Callable[[Prepared], Seen]


def find_model(words: list[str]) -> Look:
    """``unet``, ``classical``, ``bundle DIR`` or ``ensemble FILE``.

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
        case ["classical"]:
            return _classical
    raise Unusable(
        f"there is no model {' '.join(words)!r}; there are unet, classical, bundle DIR, ensemble FILE"
    )


def _bundle(bundle: Bundle) -> Look:
    from ir import compiled
    from network import flipped, in_windows, one_pass

    infer = one_pass(compiled(bundle.network))
    if bundle.window:
        infer = in_windows(infer, bundle.window)
    places = [bundle.labels.index(label) for label in range(len(bundle.labels))]

    def look(prepared: Prepared) -> Seen:
        channels = prepared.channels(bundle.channels)
        check_correlations(channels, bundle.channels, bundle.limits)
        total = np.zeros((len(places), *channels.shape[1:]), np.float32)
        each = []
        for seen in flipped(infer, channels):
            total += seen
            each.append(_labels(seen[places], prepared))
        total = total[places] / len(each)
        total[:, ~prepared.brain] = np.array([1, 0, 0, 0], np.float32)[:, None]
        return Seen(total, tuple(each), f"{bundle.name} {bundle.version} {bundle.identity}")

    return look


def _ensemble(looks: list[Look]) -> Look:
    def look(prepared: Prepared) -> Seen:
        seen = [one(prepared) for one in looks]
        mean = np.mean([one.probabilities for one in seen], axis=0)
        return Seen(
            mean,
            tuple(_labels(one.probabilities, prepared) for one in seen),
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


def _labels(probabilities: Volume, prepared: Prepared) -> NDArray[np.uint8]:
    return np.where(prepared.brain, probabilities.argmax(0), 0).astype(np.uint8)
