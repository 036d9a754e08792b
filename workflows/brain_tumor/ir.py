"""OpenVINO's door: a network from a file, ready to be called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino
from job import Unusable

__all__ = ["compiled"]


def compiled(path: Path) -> Callable[..., Any]:
    """Compile IR or ONNX for this machine's processor, with as many threads as the job was given cores.

    float32, because bf16 is a hundred times slower on a processor without AMX.

    Raises
    ------
    Unusable
        The file cannot be read as a network.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": len(os.sched_getaffinity(0)),
    }
    core = openvino.Core()
    try:
        return core.compile_model(core.read_model(path), "CPU", settings)
    except RuntimeError as error:
        raise Unusable(f"{path.name} cannot be read as a network: {str(error).splitlines()[0]}") from error
