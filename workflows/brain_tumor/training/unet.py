"""The network, its weights as safetensors, and the same as OpenVINO IR."""

from pathlib import Path

import openvino
import torch
from monai.networks.nets import UNet
from safetensors.torch import load_file, save_file
from torch import nn
from volumes import CHANNELS

__all__ = ["ARCHITECTURE", "build", "export", "load", "save"]

# As a MONAI bundle's inference.json says it. PReLU and instance normalization are MONAI's defaults, and the thesis's.
ARCHITECTURE = {
    "spatial_dims": 3,
    "in_channels": len(CHANNELS),
    "out_channels": 4,
    "channels": [16, 32, 64, 96, 128],
    "strides": [2, 2, 2, 2],
    "num_res_units": 2,
    "act": "PRELU",
    "norm": "INSTANCE",
}


def build() -> nn.Module:
    """A MONAI U-Net with residual units; 2.3 million weights."""
    return UNet(**ARCHITECTURE)


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
