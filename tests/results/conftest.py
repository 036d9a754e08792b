"""One small CT series, and a folder of outputs that its package would accept."""

import json
from pathlib import Path

import numpy as np
import pytest

from ror.results import ResultJob, SourceSeries
from tests.results.samples import ct_headers, job_on, write_mask, write_series

ROWS = [
    {
        "record_id": "P-1",
        "redcap_event_name": "baseline_arm_1",
        "field_name": "spleen_volume",
        "value": 14.25,
    },
    {"record_id": "P-1", "redcap_event_name": "baseline_arm_1", "field_name": "liver_volume", "value": 1 / 3},
    {"record_id": "P-1", "redcap_event_name": "baseline_arm_1", "field_name": "noise", "value": 12},
]


@pytest.fixture(scope="session")
def ct(tmp_path_factory) -> SourceSeries:
    return SourceSeries.read("CT", write_series(ct_headers(), tmp_path_factory.mktemp("ct")))


@pytest.fixture
def job(ct: SourceSeries) -> ResultJob:
    return job_on(ct)


@pytest.fixture
def labels(ct: SourceSeries) -> np.ndarray:
    """uint8, shape (slices, rows, columns): both segments, and slices without any."""
    found = np.zeros(ct.grid.shape, np.uint8)
    found[2:4, 3:5, 2:6] = 1
    found[1, 1, 1:3] = 2
    return found


@pytest.fixture
def output(tmp_path: Path, ct: SourceSeries, labels: np.ndarray) -> Path:
    folder = tmp_path / "output"
    write_mask(labels, ct, folder / "mask" / "abdomen.nii.gz")
    (folder / "output.json").write_text(json.dumps(ROWS))
    (folder / "figures").mkdir()
    (folder / "figures" / "overview.png").write_bytes(b"picture")
    (folder / "log").mkdir()
    (folder / "log" / "anything.txt").write_text("words")
    return folder
