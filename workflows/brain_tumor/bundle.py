"""A trained network as a folder that MONAI calls a bundle, and the promise that its files are what they were."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from job import Unusable
from plausible import Plausible

__all__ = ["SHIPPED", "Bundle"]

SHIPPED = Path(__file__).parent / "model"
_NETWORK = ("models/model.xml", "models/model.onnx")
# An image goes without: nothing here reads them.
_FOR_TRAINING = ".safetensors"
_BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What ``configs/metadata.json`` says of a network.

    Attributes
    ----------
    network
        OpenVINO IR, or ONNX.
    channels
        Names of the sequences in the order of the input.
    labels
        This package's label of each output channel.
    window
        Edge of the windows it was trained on and has to see; None: the whole brain in one pass.
    plausible
        What of its findings is taken for a tumour.
    limits
        Correlations of sequences that training saw, by ``"T1w/T2w"``; empty where nobody counted.
    identity
        First 12 digits of the SHA-256 of the network's files.
    """

    name: str
    version: str
    network: Path
    channels: tuple[str, ...]
    labels: tuple[int, ...]
    window: int | None
    plausible: Plausible
    limits: dict[str, tuple[float, float]]
    identity: str

    @classmethod
    def read(cls, folder: Path) -> Bundle:
        """Read a bundle and check the hash of every file that its metadata names.

        Raises
        ------
        Unusable
            It is no bundle, its network is none that runs without torch, or a file is not what it was.
        """
        said = _metadata(folder)
        for name, wanted in said.get("sha256", {}).items():
            if name.endswith(_FOR_TRAINING) and not (folder / name).exists():
                continue
            if not (folder / name).is_file() or _sha256(folder / name) != wanted:
                raise Unusable(
                    f"{folder.name}/{name} is not the file that the model was published with: install it anew"
                )
        found = [folder / name for name in _NETWORK if (folder / name).is_file()]
        if not found:
            raise Unusable(
                f"{folder} has neither {' nor '.join(_NETWORK)}: export the bundle to ONNX or OpenVINO first"
            )
        data = said["network_data_format"]
        return cls(
            said["name"],
            said["version"],
            found[0],
            tuple(_in_order(data["inputs"]["image"]["channel_def"])),
            tuple(_label(name) for name in _in_order(data["outputs"]["pred"]["channel_def"])),
            data["inputs"]["image"].get("window"),
            Plausible.of(data["outputs"]["pred"]),
            {name: (low, high) for name, (low, high) in said.get("correlations", {}).items()},
            _identity(found[0]),
        )


def _metadata(folder: Path) -> dict[str, Any]:
    path = folder / "configs" / "metadata.json"
    if not path.is_file():
        raise Unusable(f"{folder} is no MONAI bundle: it has no configs/metadata.json")
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return said


def _in_order(channels: dict[str, str]) -> list[str]:
    return [channels[number] for number in sorted(channels, key=int)]


def _label(name: str) -> int:
    names = (_BACKGROUND, "necrotic core", "edema", "enhancing tumor")
    if name.lower() not in names:
        raise Unusable(f"the model finds {name!r}; this workflow knows {', '.join(names)}")
    return names.index(name.lower())


def _identity(network: Path) -> str:
    files = [network, network.with_suffix(".bin")]
    return hashlib.sha256("".join(_sha256(path) for path in files if path.is_file()).encode()).hexdigest()[
        :12
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
