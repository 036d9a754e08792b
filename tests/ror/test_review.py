"""Results that somebody has to accept: nothing is delivered or recorded before, and nothing waits in the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from examples.demo.service import CommandFailed, Installation
from orthanc import send
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct


@pytest.fixture
def reviewed(installation: Installation, tmp_path: Path) -> Installation:
    """Results are shown in one folder, and delivered into another when they are accepted."""
    with (installation.home / "ror.toml").open("a") as settings:
        for name in ("reading", "share"):
            (tmp_path / name).mkdir()
            settings.write(f'[pacs.{name}]\nfolder = "{tmp_path / name}"\nimages = false\n')
    installation.ror("project", "change", "lungs", "--pacs", "share", "--review", "--review-pacs", "reading")
    return installation


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_results_wait_until_they_are_accepted_or_rejected(reviewed: Installation, tmp_path: Path) -> None:
    """Of two studies one is accepted and one rejected; both wait through a crash and a restart."""
    reading, share = tmp_path / "reading", tmp_path / "share"
    with Serving(reviewed) as serving:
        for seed in (1, 2):
            send(serving.peer, small_ct(tmp_path / f"ct{seed}", seed=seed))
        eventually(lambda: set(serving.jobs().values()) == {"review"} and len(serving.jobs()) == 2)
        serving.kill()
        serving.start()
        good, bad = (row["job"] for row in reviewed.ask("review", "list"))
        shown = [dcmread(file) for file in files(reading)]
        assert len(shown) == 4 and files(share) == []
        assert all(one.SeriesDescription.startswith("UNREVIEWED ") for one in shown)
        assert "accepted" in reviewed.ror("review", "accept", good, "--by", "Dr. Roe")
        assert "2 objects removed" in reviewed.ror("review", "reject", bad, "--note", "no lung in it")
        assert serving.job_that_is("succeeded") == good
        assert serving.jobs()[bad] == "rejected"
    made = {dcmread(file).SOPInstanceUID for file in files(share)}
    assert made == {one["sop_uid"] for one in reviewed.ask("jobs", "show", good)["results"]}
    assert made.isdisjoint(one.SOPInstanceUID for one in shown) and files(reading) == []
    assert [row["job_id"] for row in reviewed.ask("measurements", "list")] == [good]
    assert "no lung in it" in reviewed.ror("review", "show", bad)
    (told,) = reviewed.ask("review", "summary")
    assert (told["waiting"], told["accepted"], told["rejected"]) == (0, 1, 1)
    assert {row["action"] for row in reviewed.ask("audit")} >= {"accept results", "reject results"}
    with pytest.raises(CommandFailed, match="is succeeded"):
        reviewed.ror("review", "reject", good)


def test_a_rejected_result_can_still_be_accepted(reviewed: Installation, tmp_path: Path) -> None:
    with Serving(reviewed) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        job = serving.job_that_is("review")
        reviewed.ror("review", "reject", job)
        reviewed.ror("review", "accept", job)
        assert serving.job_that_is("succeeded") == job
    assert len(files(tmp_path / "share")) == 2
    first, second = reviewed.ask("review", "show", job)["decisions"]
    assert (first["accepted"], second["accepted"]) == (True, False)
