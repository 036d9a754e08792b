"""The network, its weights as safetensors, and the same as OpenVINO IR."""

from pathlib import Path

import openvino
import torch
from monai.bundle import ConfigParser
from safetensors.torch import load_file, save_file
from torch import nn
from volumes import CHANNELS

__all__ = ["ARCHITECTURE", "build", "export", "load", "save"]

# As a MONAI bundle's inference.json says it. PReLU and instance normalization are MONAI's defaults, and the thesis's.
# MONAI's U-Net halves the images in its first layer and is half as fine as they are until its last. Two layers that see
# them beside what it found put the edges where they are.
_CONVOLUTION = {"_target_": "monai.networks.blocks.Convolution", "spatial_dims": 3}
_BESIDE = "monai.networks.layers.simplelayers.SkipConnection"
ARCHITECTURE: dict[str, object] = {
    "coarse": {
        "_target_": "monai.networks.nets.UNet",
        "spatial_dims": 3,
        "in_channels": len(CHANNELS),
        "out_channels": 4,
        "channels": [16, 32, 64, 96, 128],
        "strides": [2, 2, 2, 2],
        "num_res_units": 2,
        "act": "PRELU",
        "norm": "INSTANCE",
    },
    "wide": _CONVOLUTION | {"in_channels": 8, "out_channels": 16, "act": "PRELU", "norm": None},
    "narrow": _CONVOLUTION | {"in_channels": 16, "out_channels": 8, "conv_only": True},
    "classes": _CONVOLUTION | {"in_channels": 8, "out_channels": 4, "kernel_size": 1, "conv_only": True},
    "seen": {"_target_": _BESIDE, "submodule": "@coarse", "mode": "cat"},
    "edges": {"_target_": _BESIDE, "submodule": "$torch.nn.Sequential(@wide, @narrow)", "mode": "add"},
    "network_def": "$torch.nn.Sequential(@seen, @edges, @classes)",
}


def build() -> nn.Module:
    """A MONAI U-Net with residual units and two layers at full resolution, which begin as if they were not there."""
    network = ConfigParser(ARCHITECTURE).get_parsed_content("network_def")
    narrow, classes = network[1].submodule[1].conv, network[2].conv
    for layer in (narrow, classes):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    with torch.no_grad():
        # Of the images and what the U-Net says, the second.
        classes.weight[:, len(CHANNELS) :, 0, 0, 0] = torch.eye(4)
    return network


def save(network: nn.Module, path: Path) -> None:
    """Write half-precision safetensors: half the size, and measured to change no label."""
    weights = {name: value.half().contiguous().cpu() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)


def load(path: Path) -> nn.Module:
    """Build the network with weights from safetensors; for use, not for training."""
    network = build()
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval()


def export(network: nn.Module, folder: Path) -> None:
    """Write ``model.xml`` and ``model.bin`` (fp16 weights, any size of volume)."""
    network = network.eval()
    shape = [1, len(CHANNELS), 64, 64, 64]
    with torch.no_grad():
        traced = torch.jit.trace(network, torch.zeros(shape))
    model = openvino.convert_model(traced, example_input=torch.zeros(shape))
    model.reshape([1, len(CHANNELS), -1, -1, -1])
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=True)
