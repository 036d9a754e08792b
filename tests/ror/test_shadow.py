"""A version in the shadow of another: both run on the same study, one delivers, and how they differ is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import OrthancServer, send
from tests.ror.conftest import PACKAGES
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc

VOXEL_MM3 = 12.0
CURRENT, SMALLER = 8 * 8 * 4, 7 * 7 * 3


def smaller(folder: Path) -> Path:
    """A version of the package `box` whose box ends a voxel earlier along each axis."""
    shutil.copytree(PACKAGES / "box", folder)
    for name, old, new in (
        ("workflow.toml", '"1.0.0"', '"2.0.0"'),
        ("box.py", "index < size - size // 4", "index < size - size // 4 - 1"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    return folder


def succeeded(serving: Serving, number: int) -> None:
    def found() -> bool:
        return list(serving.jobs().values()).count("succeeded") == number

    eventually(found, lambda: f"jobs: {serving.jobs()}\n{serving.log.read_text()[-4000:]}")


def test_a_shadow_delivers_nothing_is_compared_and_delivers_when_it_is_promoted(
    with_pacs: Installation, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    told = with_pacs.ror("workflow", "add", str(smaller(tmp_path / "box")), "--project", "lungs", "--shadow")
    assert "runs in the shadow, and delivers nothing, in lungs" in told
    with Serving(with_pacs) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        succeeded(serving, 2)
        # The current one alone is in the PACS, in the ledger, and in the table of measurements.
        assert sorted(one.modality for one in orthanc_pacs.rest.series()) == ["CT", "SEG", "SR"]
        ((shadow,),) = serving.rows("SELECT id FROM jobs WHERE shadow")
        assert {job for (job,) in serving.rows("SELECT job_id FROM results")}.isdisjoint({shadow})
        (row,) = with_pacs.ask("measurements", "list")
        assert float(row["value"]) == CURRENT * VOXEL_MM3
        assert list((with_pacs.home / "jobs" / shadow / "results").iterdir())  # made, and kept

        study = with_pacs.ask("jobs", "show", shadow)["job"]["study_uid"]
        compared = with_pacs.ask("workflow", "compare", "box", "2.0.0", "--project", "lungs")
        assert (compared["compared"], compared["left_out"]) == (1, [])
        assert [(one["version"], one["jobs"], one["failed"]) for one in compared["versions"]] == [
            ("2.0.0", 1, 0),
            ("1.0.0", 1, 0),
        ]
        (segment,) = compared["segments"]
        assert segment["worst_dice"] == pytest.approx(2 * SMALLER / (SMALLER + CURRENT))
        assert segment["worst_study"] == study
        (volume,) = compared["fields"]
        assert volume["mean"] == pytest.approx((SMALLER - CURRENT) * VOXEL_MM3)
        assert "Box" in with_pacs.ror("workflow", "compare", "box", "2.0.0", "1.0.0", "--project", "lungs")

        with_pacs.ror("workflow", "promote", "box", "2.0.0", "--project", "lungs")
        with_pacs.ror("jobs", "match", study)
        eventually(lambda: "superseded" in serving.jobs().values(), lambda: str(serving.jobs()))
        (row,) = with_pacs.ask("measurements", "list")
        assert float(row["value"]) == SMALLER * VOXEL_MM3

        with_pacs.ror("workflow", "promote", "box", "1.0.0", "--project", "lungs")
        (again,) = with_pacs.ask("jobs", "match", study)[0]["new_jobs"]
        eventually(lambda: serving.jobs()[again] == "succeeded", lambda: str(serving.jobs()))
        (row,) = with_pacs.ask("measurements", "list")
        assert (row["job_id"], float(row["value"])) == (again, CURRENT * VOXEL_MM3)
        assert sorted(one.modality for one in orthanc_pacs.rest.series()) == ["CT", "SEG", "SR"]
