"""An nnU-Net v2 model, exported to ONNX or OpenVINO: its own plans decide spacing, scale, patches and classes.

FOLDER is what nnU-Net trains into (``plans.json``, ``dataset.json``, ``fold_0`` and so on), with ``model.onnx`` or
``model.xml`` beside each fold's checkpoint, since this program has no torch. Isensee 2021, Nature Methods 18: 203.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from job import Unusable
from labels import EDEMA, ENHANCING, NECROTIC_CORE

__all__ = ["NnUnet"]

_CONFIGURATION = "3d_fullres"
_NETWORK = ("model.xml", "model.onnx")
_NORMALIZATION = "ZScoreNormalization"
_SEQUENCES = {
    "T1w": ("t1", "t1w", "t1n"),
    "T1wCE": ("t1ce", "t1c", "t1wce", "t1gd"),
    "T2w": ("t2", "t2w"),
    "FLAIR": ("flair", "t2f", "t2flair"),
}
_LABELS = {
    0: ("background",),
    NECROTIC_CORE: ("ncr", "necrosis", "necroticcore"),
    EDEMA: ("ed", "edema", "oedema"),
    ENHANCING: ("et", "enhancing", "enhancingtumor"),
}
# What is left of a region when those inside it have been drawn over it.
_REGIONS = ("wholetumor", "tumorcore", "enhancingtumor")


@dataclass(frozen=True, slots=True)
class NnUnet:
    """What ``plans.json`` and ``dataset.json`` say of a model, and the files of its folds.

    Attributes
    ----------
    networks
        OpenVINO IR or ONNX, one for each fold; their outputs before softmax are averaged.
    channels
        Names of the sequences in the order of the input.
    labels
        This package's label of each output channel; of regions, the label that the region leaves.
    regions
        Each output is a region of its own (a sigmoid), drawn over those before it, as for BraTS.
    patch
        Shape of a window, in the order of the network's axes.
    axes
        For each axis of the network, which of (head, front, right) it is: nnU-Net's ``transpose_forward``.
    spacing_mm
        Of the network's axes.
    in_brain
        For each channel, whether its mean and deviation are of the brain alone.
    identity
        First 12 digits of the SHA-256 of all networks.
    """

    name: str
    networks: tuple[Path, ...]
    channels: tuple[str, ...]
    labels: tuple[int, ...]
    regions: bool
    patch: tuple[int, ...]
    axes: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    in_brain: tuple[bool, ...]
    identity: str

    @classmethod
    def read(cls, folder: Path) -> NnUnet:
        """Read plans, data set and the list of folds.

        Raises
        ------
        Unusable
            It is no such folder, was not exported, or asks for what this program does not do.
        """
        plans, dataset = _json(folder / "plans.json"), _json(folder / "dataset.json")
        try:
            plan = plans["configurations"][_CONFIGURATION]
            if others := set(plan["normalization_schemes"]) - {_NORMALIZATION}:
                raise Unusable(
                    f"the model wants {', '.join(others)}; this workflow knows {_NORMALIZATION} only"
                )
            networks = _networks(folder)
            regions = any(not isinstance(value, int) for value in dataset["labels"].values())
            return cls(
                str(plans.get("dataset_name", folder.name)),
                networks,
                tuple(
                    _named(_SEQUENCES, "sequence", dataset["channel_names"][number])
                    for number in sorted(dataset["channel_names"], key=int)
                ),
                _regions(dataset) if regions else _classes(dataset["labels"]),
                regions,
                tuple(plan["patch_size"]),
                tuple(plans["transpose_forward"]),
                tuple(plan["spacing"]),
                tuple(plan["use_mask_for_norm"]),
                _identity(networks),
            )
        except KeyError as missing:
            raise Unusable(
                f"{folder} has no {missing} in plans.json or dataset.json: not of nnU-Net v2?"
            ) from None


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise Unusable(f"{path.parent} is no folder of a model of nnU-Net v2: it has no {path.name}")
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return said


def _networks(folder: Path) -> tuple[Path, ...]:
    """One file of each fold; a fold that was not exported is no reason to use fewer than were asked for."""
    folds = sorted(path for path in folder.glob("fold_*") if path.is_dir())
    found = []
    for fold in folds:
        there = [fold / name for name in _NETWORK if (fold / name).is_file()]
        if not there:
            raise Unusable(
                f"{fold} has neither {' nor '.join(_NETWORK)}: export its network (export_nnunet.py), "
                "or remove the fold"
            )
        found.append(there[0])
    if not found:
        raise Unusable(f"{folder} has no fold_0 or the like")
    return tuple(found)


def _classes(labels: Mapping[str, int]) -> tuple[int, ...]:
    by_channel = sorted(labels, key=lambda name: labels[name])
    found = tuple(_named(_LABELS, "class", name) for name in by_channel if name != "ignore")
    if sorted(found) != sorted(_LABELS):
        raise Unusable(
            f"the model finds {', '.join(by_channel)}; this workflow needs each of the three parts once"
        )
    return found


def _regions(dataset: Mapping[str, Any]) -> tuple[int, ...]:
    """Regions one in the other, the largest first, as nnU-Net's converters of BraTS write them."""
    names = [name for name in dataset["labels"] if name not in ("background", "ignore")]
    if tuple(_plain(name) for name in names) != _REGIONS or len(dataset["regions_class_order"]) != len(names):
        raise Unusable(
            f"the model finds the regions {', '.join(names)}; this workflow knows whole tumor, tumor core, "
            "enhancing tumor in this order"
        )
    return EDEMA, NECROTIC_CORE, ENHANCING


def _named(known: Mapping[Any, tuple[str, ...]], kind: str, name: str) -> Any:
    for ours, theirs in known.items():
        if _plain(name) in theirs:
            return ours
    raise Unusable(
        f"the model's {kind} {name!r} is not known here; dataset.json may name it "
        f"{', '.join(theirs[0] for theirs in known.values())}"
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum()).replace("tumour", "tumor")


def _identity(networks: tuple[Path, ...]) -> str:
    whole = hashlib.sha256()
    for network in networks:
        for path in (network, network.with_suffix(".bin")):
            if path.is_file():
                whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]
