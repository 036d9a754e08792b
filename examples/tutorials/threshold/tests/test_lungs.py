"""The program as the engine starts it, on a made chest whose lungs are known: ``python -m pytest``."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

import phantom  # noqa: E402

LEFT_MM, RIGHT_MM = 22.0, 16.0  # radii
AIR_BELOW = 500  # of stored values, in which water is 1000 here and air 0


def chest() -> np.ndarray:
    """Return a body in air with two balls of air, of which the patient's left is the larger, uint16."""
    z, y, x = (np.indices(phantom.SHAPE).T * phantom.SPACING_MM).T
    z, y, x = (places - places.mean() for places in (z, y, x))
    body = x**2 + y**2 < 60**2
    left = (x - 26) ** 2 + y**2 + z**2 < LEFT_MM**2  # columns run to the patient's left
    right = (x + 26) ** 2 + y**2 + z**2 < RIGHT_MM**2
    return np.where(body & ~left & ~right, 1000, 0).astype(np.uint16)


def test_each_lung_has_its_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom, "ball", chest)
    data, output = phantom.write_job(tmp_path / "data"), tmp_path / "output"
    output.mkdir()
    job = json.loads((data / "job.json").read_text())
    job["series"][0]["name"] = "CT"
    (data / "job.json").write_text(json.dumps(job))
    options = os.environ | {"ROR_CONT_OPTIONS": json.dumps({"air_hu": AIR_BELOW})}
    subprocess.run([sys.executable, HERE / "lungs.py", data, output], env=options, check=True)
    found = {row["field_name"]: row["value"] for row in json.loads((output / "output.json").read_text())}
    assert found["left_lung_volume"] == pytest.approx(millilitres(LEFT_MM), rel=0.05)
    assert found["right_lung_volume"] == pytest.approx(millilitres(RIGHT_MM), rel=0.05)


def millilitres(radius_mm: float) -> float:
    """Return the volume of a ball."""
    return 4 / 3 * math.pi * radius_mm**3 / 1000
