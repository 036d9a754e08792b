"""The main job: a study sent by C-STORE comes back as SEG and SR beside its images, and as measurements."""

import csv
import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from examples.data.identity import PlantedIdentity
from examples.demo.service import Installation
from orthanc import OrthancServer, send
from tests.ror.conftest import PACKAGES
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc


def test_a_study_comes_back_as_seg_and_sr_beside_its_images(
    serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    sent = small_ct(tmp_path / "ct")
    send(serving.peer, sent)
    job = serving.installation.ask("jobs", "show", serving.job_that_is("succeeded"))

    (study,) = orthanc_pacs.rest.studies()
    held = {series.modality: series for series in orthanc_pacs.rest.series()}
    assert held.keys() == {"CT", "SEG", "SR"}
    assert {series.study_instance_uid for series in held.values()} == {study.study_instance_uid}
    assert held["CT"].instance_count == len(sent)
    assert study.study_instance_uid == job["job"]["study_uid"]
    assert study.tags["PatientID"] == job["job"]["patient_id"]


def test_its_measurements_are_in_the_table(serving: Serving, tmp_path: Path) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    job_id = serving.job_that_is("succeeded")
    (row,) = csv.DictReader(io.StringIO(serving.installation.ror("measurements", "export")))
    # Half of 16 × 16 × 8 voxels along each axis, of 2 × 2 × 3 mm.
    assert float(row["value"]) == pytest.approx(8 * 8 * 4 * 12)
    assert (row["field_name"], row["unit"], row["job_id"]) == ("box_volume", "mm3", job_id)


def test_nothing_of_the_identity_is_left_behind_the_gate(serving: Serving, tmp_path: Path) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    serving.job_that_is("succeeded")
    serving.stop()
    sent = b"".join(file.read_bytes() for file in (tmp_path / "ct").iterdir())
    tokens = [token for token in PlantedIdentity.from_seed(1).tokens() if token.encode() in sent]
    assert len(tokens) > 10
    assert files_with(tokens, serving.installation) == []


def files_with(tokens: list[str], installation: Installation) -> list[str]:
    """Files of the installation, quarantine aside, in which one of the tokens occurs in any case."""
    patterns = [f"-e{token}" for token in tokens]
    grep = subprocess.run(
        ["grep", "-rlaiF", "--exclude-dir=quarantine", *patterns, os.fspath(installation.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert grep.returncode in (0, 1), grep.stderr
    return grep.stdout.split()


def test_dcmtk_can_be_the_sender(serving: Serving, tmp_path: Path) -> None:
    small_ct(tmp_path / "ct")
    storescu = [
        "/usr/bin/storescu",
        "-aec",
        "ROR",
        "127.0.0.1",
        str(serving.port),
        "+sd",
        str(tmp_path / "ct"),
    ]
    subprocess.run(storescu, check=True, env=os.environ | {"TCP_NODELAY": "1"})
    serving.job_that_is("succeeded")


def test_the_same_study_sent_twice_runs_once(
    serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    sent = small_ct(tmp_path / "ct")
    send(serving.peer, sent)
    first = serving.job_that_is("succeeded")
    archived = [(file, file.read_bytes()) for file in serving.archived()]
    send(serving.peer, sent)
    # Another study behind it, so that there is something to wait for.
    send(serving.peer, small_ct(tmp_path / "other", seed=2))
    second = job_besides(serving, first)
    assert serving.jobs() == {first: "succeeded", second: "succeeded"}
    assert all(file.read_bytes() == content for file, content in archived)
    assert len(orthanc_pacs.rest.studies()) == 2


def test_a_late_slice_supersedes_the_job_and_its_results(
    serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    sent = small_ct(tmp_path / "ct", slices=9)
    send(serving.peer, sent[:-1])
    first = serving.job_that_is("succeeded")
    before = orthanc_pacs.rest.instances(Modality="SEG")
    send(serving.peer, sent[-1:])
    second = job_besides(serving, first)
    assert serving.jobs() == {first: "superseded", second: "succeeded"}
    held = {series.modality: series.instance_count for series in orthanc_pacs.rest.series()}
    assert held == {"CT": 9, "SEG": 1, "SR": 1}
    assert orthanc_pacs.rest.instances(Modality="SEG") != before
    assert [row["job_id"] for row in serving.installation.ask("measurements", "list")] == [second]
    reports = [report_of(serving, job_id) for job_id in (first, second)]
    (study,) = reports[1].PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == reports[0].SOPInstanceUID


def report_of(serving: Serving, job_id: str) -> Dataset:
    job = serving.installation.ask("jobs", "show", job_id)
    (path,) = (one["path"] for one in job["results"] if one["kind"] == "SR")
    return dcmread(Path(job["folder"]) / path)


def test_a_workflow_that_comes_later_gets_the_studies_that_are_held_when_asked(
    serving: Serving, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    first = serving.job_that_is("succeeded")
    shutil.copytree(PACKAGES / "box", tmp_path / "newer")
    manifest = tmp_path / "newer" / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('"1.0.0"', '"1.1.0"'))
    told = serving.installation.ror("workflow", "add", str(tmp_path / "newer"), "--project", "lungs")
    assert "ror jobs match --project lungs" in told
    (matched,) = serving.installation.ask("jobs", "match", "--project", "lungs")
    assert matched["new_jobs"] == [job_besides(serving, first)]
    assert serving.jobs()[first] == "superseded"


def job_besides(serving: Serving, first: str) -> str:
    """Wait for a second job to succeed."""

    def found() -> str | None:
        done = [
            job_id for job_id, state in serving.jobs().items() if job_id != first and state == "succeeded"
        ]
        return done[0] if done else None

    return eventually(found, lambda: f"{serving.jobs()}\n{serving.log.read_text()[-3000:]}")


def test_results_refer_to_the_archived_images(serving: Serving, tmp_path: Path) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    job = serving.installation.ask("jobs", "show", serving.job_that_is("succeeded"))
    by_kind = {one["kind"]: dcmread(Path(job["folder"]) / one["path"]) for one in job["results"]}
    archived = {file.stem for file in serving.archived()}
    referred = {
        str(item.ReferencedSOPInstanceUID)
        for item in by_kind["SEG"].ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert referred <= archived
    assert referred
    evidence = by_kind["SR"].CurrentRequestedProcedureEvidenceSequence
    in_sr = {
        str(item.ReferencedSOPInstanceUID)
        for study in evidence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert by_kind["SEG"].SOPInstanceUID in in_sr
