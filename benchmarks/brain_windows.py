"""The shipped brain network by MONAI's default sliding window, and as the workflow runs it: ``brain_windows.py CASES``.

Its python is one of the training environment (``workflows/brain_tumor/training/requirements.txt``). `benchmarks.brain`
starts it, and reads the one line of JSON that it prints.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_PACKAGE = Path(__file__).parent.parent / "workflows" / "brain_tumor"
_ROUNDS = 3
# What BraTS hands out, and what MONAI's default is therefore given; to crop to the brain first is our part.
_WHOLE = (240, 240, 155)


def main(cases: Path) -> dict[str, dict[str, float]]:
    """Seconds, processor seconds and Dice of the regions, by who ran it; the contenders take turns."""
    # In place of this folder, whose `select` would stand for the standard library's.
    sys.path[0] = str(_PACKAGE)
    from training.cases import find_cases, prepared
    from training.metrics import scores

    (case,) = find_cases(cases)
    channels, truth = prepared(case, cases / "cache")
    channels = channels.astype(np.float32)
    monai = _monai()
    contenders = {"ours": _ours(), "monai": _uncropped(monai), "monai, cropped": monai}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    labels: dict[str, Any] = {}
    for _ in range(_ROUNDS):
        for name, run in contenders.items():
            began = time.perf_counter(), time.process_time()
            labels[name] = run(channels)
            took[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    found = {}
    for name, times in took.items():
        dice = {one.region: one.dice for one in scores(name, labels[name], truth, np.ones(3))}
        seconds, processor = (statistics.median(column) for column in zip(*times, strict=True))
        found[name] = {"seconds": seconds, "processor_seconds": processor} | dice
    return found


def _ours() -> Callable[[Any], Any]:
    """One pass over the cropped brain by OpenVINO, as the shipped metadata says, and no mirror."""
    from bundle import SHIPPED, Bundle
    from ir import compiled
    from network import in_windows, one_pass

    bundle = Bundle.read(SHIPPED)
    infer = one_pass(compiled(bundle.network))
    if bundle.window:
        infer = in_windows(infer, (bundle.window,) * 3)
    return lambda channels: infer(channels).argmax(0).astype(np.uint8)


def _monai() -> Callable[[Any], Any]:
    """MONAI's SlidingWindowInferer with what its bundles set: 128 cubed, a quarter of overlap, Gaussian weights."""
    import torch
    from bundle import SHIPPED
    from monai.inferers import SlidingWindowInferer
    from training.unet import load

    network = load(SHIPPED / "models" / "model.safetensors")
    inferer = SlidingWindowInferer((128, 128, 128), overlap=0.25, mode="gaussian")

    def run(channels: Any) -> Any:
        with torch.inference_mode():
            return inferer(torch.from_numpy(channels)[None], network)[0].argmax(0).numpy().astype(np.uint8)

    return run


def _uncropped(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let it see the brain in the volume that it comes in."""

    def on_all(channels: Any) -> Any:
        shape = channels.shape[1:]
        around = [max(0, whole - size) for whole, size in zip(_WHOLE, shape, strict=True)]
        padding = [(more // 2, more - more // 2) for more in around]
        inside = tuple(slice(low, low + size) for (low, _), size in zip(padding, shape, strict=True))
        return run(np.pad(channels, [(0, 0), *padding]))[inside]

    return on_all


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
