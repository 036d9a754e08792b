"""Results that somebody has to accept: nothing is delivered or recorded before, and nothing waits in the engine."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from pydicom import Dataset, dcmread

from examples.demo.service import Installation
from orthanc import OrthancServer, send
from tests.cli.test_commands import Home
from tests.results.samples import check_with_dciodvfy
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct
from tests.support.viewer import stored_by_ohif


@pytest.fixture
def reviewed(installation: Installation, tmp_path: Path) -> Installation:
    """Results are shown in the archive itself, and delivered into a folder when they are accepted."""
    (tmp_path / "share").mkdir()
    with (installation.home / "ror.toml").open("a") as settings:
        settings.write("[pacs.reading]\narchive = true\n")
        settings.write(f'[pacs.share]\nfolder = "{tmp_path / "share"}"\nimages = false\n')
    ror(installation, "project", "change", "lungs", "--pacs", "share", "--review", "--review-pacs", "reading")
    return installation


def ror(installation: Installation, *words: str) -> str:
    """What a command prints; in this process, since each would take seconds to start."""
    return Home(installation.home).good(*words)


def asked(installation: Installation, *words: str) -> Any:
    return json.loads(ror(installation, *words, "--json"))


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_results_wait_until_they_are_accepted_or_rejected(reviewed: Installation, tmp_path: Path) -> None:
    """Of two studies one is accepted and one rejected, and accepted later; both wait through a crash."""
    reading, share = reviewed.home / "archive" / ".results", tmp_path / "share"
    with Serving(reviewed) as serving:
        for seed in (1, 2):
            send(serving.peer, small_ct(tmp_path / f"ct{seed}", seed=seed))
        eventually(lambda: list(serving.jobs().values()) == ["review", "review"])
        serving.kill()
        serving.start()
        good, bad = (row["job"] for row in asked(reviewed, "review", "list"))
        shown = [dcmread(file) for file in files(reading)]
        assert len(shown) == 4 and files(share) == []
        assert all(one.SeriesDescription.startswith("UNREVIEWED ") for one in shown)
        assert "accepted" in ror(reviewed, "review", "accept", good, "--by", "Dr. Roe")
        assert "2 objects removed" in ror(reviewed, "review", "reject", bad, "--note", "no lung in it")
        assert serving.job_that_is("succeeded") == good
        assert serving.jobs()[bad] == "rejected"
        made = {dcmread(file).SOPInstanceUID for file in files(share)}
        assert made == {one["sop_uid"] for one in asked(reviewed, "jobs", "show", good)["results"]}
        assert made.isdisjoint(one.SOPInstanceUID for one in shown) and files(reading) == []
        assert [row["job_id"] for row in asked(reviewed, "measurements", "list")] == [good]
        assert "is succeeded" in Home(reviewed.home).ror("review", "reject", good).err
        ror(reviewed, "review", "accept", bad)  # on second thoughts
        eventually(lambda: serving.jobs()[bad] == "succeeded")
    assert len(files(share)) == 4
    told = ror(reviewed, "review", "show", bad)
    assert "no lung in it" in told and told.index("accepted") < told.index("rejected")
    actions = [row["action"] for row in asked(reviewed, "audit", "list")]
    assert actions.count("accept results") == 2 and actions.count("reject results") == 1


# -- corrected in a viewer --------------------------------------------------------------------------------------------


@pytest.fixture
def reading_room(with_pacs: Installation) -> Installation:
    """One Orthanc is where reviewers look, and where accepted results go."""
    ror(with_pacs, "project", "change", "lungs", "--review", "--review-pacs", "demo")
    return with_pacs


def held(server: OrthancServer, modality: str) -> list[Dataset]:
    """The objects of a modality that an Orthanc holds."""
    found = requests.post(
        f"{server.rest.url}/tools/find",
        json={"Level": "Instance", "Query": {"Modality": modality}},
        timeout=60,
    ).json()
    return [from_orthanc(server, uid) for uid in found]


def from_orthanc(server: OrthancServer, instance: str) -> Dataset:
    answer = requests.get(f"{server.rest.url}/instances/{instance}/file", timeout=60)
    answer.raise_for_status()
    return dcmread(BytesIO(answer.content))


def drawn(images: list[Dataset]) -> np.ndarray:
    """The box, taller and half as wide as the workflow marks it."""
    labels = np.zeros((len(images), images[0].Rows, images[0].Columns), np.uint8)
    labels[1:-1, 4:12, 4:8] = 1
    return labels


def store_and_forward(server: OrthancServer, serving: Serving, seg: Dataset, file: Path) -> bool:
    """A viewer stores a segmentation in its Orthanc, which sends it on to us; whether it was taken."""
    seg.save_as(file, enforce_file_format=True)
    stored = requests.post(f"{server.rest.url}/instances", data=file.read_bytes(), timeout=60).json()
    modality = json.dumps({"AET": "ROR", "Host": "127.0.0.1", "Port": serving.port})
    requests.put(f"{server.rest.url}/modalities/ror", data=modality, timeout=60).raise_for_status()
    sent = requests.post(f"{server.rest.url}/modalities/ror/store", data=stored["ID"], timeout=60)
    return sent.status_code == 200


@pytest.mark.orthanc
def test_a_mask_that_was_corrected_in_a_viewer_is_delivered_in_the_place_of_the_workflows(
    reading_room: Installation, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    with Serving(reading_room) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        job = serving.job_that_is("review")
        images = sorted(held(orthanc_pacs, "CT"), key=lambda one: one.ImagePositionPatient[2])
        (shown,) = held(orthanc_pacs, "SEG")
        assert shown.ContentLabel == "UNREVIEWED"
        assert store_and_forward(orthanc_pacs, serving, shown, tmp_path / "ours.dcm")  # ours: nothing is done
        unknown = stored_by_ohif(images, np.ones_like(drawn(images)), {3: "Doe^Jane"})
        assert not store_and_forward(orthanc_pacs, serving, unknown, tmp_path / "unknown.dcm")
        corrected = stored_by_ohif(images, drawn(images), {1: "Box"})
        for name in ("once", "twice"):
            assert store_and_forward(orthanc_pacs, serving, corrected, tmp_path / f"{name}.dcm")
        (version,) = asked(reading_room, "review", "show", job)["corrections"]
        assert version["version"] == 1 and 0 < version["agreement"]["Box"] < 1
        assert " became " in ror(reading_room, "review", "accept", job)
        serving.job_that_is("succeeded")
    (made_again,) = [
        one for one in asked(reading_room, "jobs", "show", job)["steps"] if one["step"] == "encode"
    ]
    assert made_again["detail"].endswith("; made again with corrected masks")
    (held_back,) = asked(reading_room, "quarantine", "list")
    assert held_back["reason"] == "correction_unknown_segment"
    assert "Doe" not in json.dumps(held_back) + serving.log.read_text()

    delivered = [one for one in held(orthanc_pacs, "SEG") if one.SOPInstanceUID == version["sop_uid"]]
    assert len(delivered) == 1 and shown.SOPInstanceUID not in {
        one.SOPInstanceUID for one in held(orthanc_pacs, "SEG")
    }
    (segment,) = delivered[0].SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "85756007"
    assert segment.TrackingUID == shown.SegmentSequence[0].TrackingUID
    (report,) = held(orthanc_pacs, "SR")
    assert version["sop_uid"] in str(report)
    for name, one in (("seg", delivered[0]), ("sr", report)):
        one.save_as(tmp_path / f"{name}.dcm")
        check_with_dciodvfy(tmp_path / f"{name}.dcm")
    (row,) = asked(reading_room, "measurements", "list")
    assert float(row["value"]) == pytest.approx(int(drawn(images).sum()) * 2 * 2 * 3)
    out = tmp_path / "training"
    ror(reading_room, "review", "corrections", "export", "--project", "lungs", "--out", str(out))
    assert {one.name for one in out.iterdir()} == {f"{job}-box-1.nii.gz", "corrections.csv"}
    assert asked(reading_room, "studies")[0]["state"] == "matched"  # a correction is no new image
