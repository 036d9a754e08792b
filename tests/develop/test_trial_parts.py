"""What a trial shows besides DICOM: agreement with a reference, and the records of a REDCap that there is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from containers import MaskOutput, Package
from ror.errors import ConfigurationError
from ror.results import LabelMap, ResultJob, Row, SourceSeries, agreement_with, read_reference, would_send
from tests.cli.test_commands import BOX
from tests.support.studies import small_ct

CODE = {"value": "85756007", "scheme": "SCT", "meaning": "Tissue"}
MASK = MaskOutput.model_validate(
    {
        "name": "parts",
        "on": "CT",
        "segments": [
            {"value": 1, "label": "One", "category": CODE, "type": CODE},
            {"value": 2, "label": "Two", "category": CODE, "type": CODE},
        ],
    }
)


@pytest.fixture
def job(tmp_path: Path) -> ResultJob:
    series = SourceSeries.read("CT", small_ct(tmp_path / "ct"))
    return ResultJob("a-1", "a", "1.0.0", "", "", (series,), datetime(2026, 1, 1, tzinfo=UTC))


def saved(path: Path, labels: np.ndarray) -> Path:
    np.savez(path, labels=labels)
    return path


def test_dice_is_told_for_each_segment(job: ResultJob, tmp_path: Path) -> None:
    labels, reference = np.zeros((2, 8, 16, 16), np.uint8)
    labels[2, 4:8, 4:8] = 1  # 16 voxels
    reference[2, 4:8, 6:12] = 1  # 24, 8 of them in both
    one, two = agreement_with(
        read_reference(saved(tmp_path / "m.npz", reference), MASK, job), LabelMap.of(MASK, labels)
    )
    assert (one.label, one.voxels, one.reference_voxels, one.in_both) == ("One", 16, 24, 8)
    assert one.dice == pytest.approx(2 * 8 / (16 + 24))
    assert (two.voxels, two.reference_voxels, two.dice) == (0, 0, 1.0)


def test_a_reference_of_other_images_is_told(job: ResultJob, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"m\.npz cannot be used"):
        read_reference(saved(tmp_path / "m.npz", np.zeros((8, 16, 15), np.uint8)), MASK, job)


def test_the_records_are_those_of_a_redcap_with_the_workflows_dictionary() -> None:
    manifest = Package.load(BOX).manifest
    (measurement,) = manifest.outputs.measurements
    rows = [
        Row("P1", "", "box_volume", 3072.0, announced=measurement),
        Row("P2", "", "box_volume", 12.5, announced=measurement),
    ]
    prepared = would_send(rows, manifest)
    assert prepared.records == (
        {"record_id": "P1", "box_volume": "3072"},
        {"record_id": "P2", "box_volume": "12.5"},
    )
    assert prepared.faults == ()


def test_events_and_instances_are_those_that_the_rows_name() -> None:
    manifest = Package.load(BOX).manifest
    row = Row("P1", "visit_1", "box_volume", 1, repeat_instrument="box", repeat_instance=2)
    (record,) = would_send([row], manifest).records
    assert record == {
        "record_id": "P1",
        "redcap_event_name": "visit_1",
        "redcap_repeat_instrument": "box",
        "redcap_repeat_instance": 2,
        "box_volume": "1",
    }


def test_what_redcap_would_refuse_is_told() -> None:
    manifest = Package.load(BOX).manifest
    (fault,) = would_send([Row("P1", "", "box_volumes", 1)], manifest).faults
    assert "did you mean box_volume?" in fault.message
    (fault,) = would_send([Row("", "", "box_volume", 1)], manifest).faults
    assert "PatientID" in fault.message
