"""Decisions on results, and the corrections that come back: kept, counted, and taken for the right mask."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from ror.db import Database
from ror.engine import JobStore
from ror.errors import ConfigurationError, NotAllowed, NotFound
from ror.model import JobFolder, JobSeries, JobState
from ror.registry import AuditLog, Project
from ror.results import (
    CorrectionDesk,
    CorrectionRefused,
    CorrectionStore,
    FinishedRun,
    Ledger,
    MadeObject,
    ReviewRoom,
    ReviewStore,
    SourceSeries,
    export_corrections,
    write,
)
from ror.results.encoding import encode
from ror.results.finished import outputs_of, result_job_of
from ror.results.review_copies import copy_uid
from tests.engine.test_jobs import a_job, jobs, made
from tests.results.samples import FINISHED, manifest, write_mask
from tests.results.test_destinations import settings
from tests.support.viewer import stored_by_ohif

__all__ = ["jobs"]  # the fixture
SEGMENTS = {1: "Spleen", 2: "Liver"}


@pytest.fixture
def reviews(database: Database, jobs: JobStore) -> ReviewStore:
    return ReviewStore(database, jobs)


# -- decisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(JobState))
def test_only_what_waits_can_be_rejected_and_only_that_or_the_rejected_accepted(
    state: JobState, database: Database, jobs: JobStore, reviews: ReviewStore
) -> None:
    for number, (decide, allowed, after) in enumerate(
        (
            (lambda job: reviews.reject(job, "", "no lung"), {JobState.REVIEW}, JobState.REJECTED),
            (
                lambda job: reviews.accept(job, "", "", ()),
                {JobState.REVIEW, JobState.REJECTED},
                JobState.QUEUED,
            ),
        )
    ):
        job = made(database, jobs, state, a_job(str(number), key=str(number)))
        if state in allowed:
            decide(job)
            assert jobs.get(job.id).state is after
            assert len(reviews.decisions(job.id)) == 1
        else:
            with pytest.raises(NotAllowed, match=f"is {state}"):
                decide(job)
            assert jobs.get(job.id).state is state and reviews.decision(job.id) is None
    assert len(AuditLog(database).list()) == len(
        [1 for allowed in ({JobState.REVIEW}, {JobState.REVIEW, JobState.REJECTED}) if state in allowed]
    )


def test_the_latest_decision_counts_and_none_is_lost(
    database: Database, jobs: JobStore, reviews: ReviewStore
) -> None:
    job = made(database, jobs, JobState.REVIEW)
    reviews.reject(job, "Dr. Roe", "no lung in it")
    assert "rejected by Dr. Roe: no lung in it" in jobs.get(job.id).detail
    reviews.accept(job, "", "", ["2.25.1"])
    latest, first = reviews.decisions(job.id)
    assert reviews.decision(job.id) == latest
    assert (latest.accepted, latest.corrections, first.accepted, first.note) == (
        True,
        ("2.25.1",),
        False,
        "no lung in it",
    )
    assert latest.who and not latest.reader


def test_decisions_are_counted_by_version_of_a_workflow(
    database: Database, jobs: JobStore, reviews: ReviewStore
) -> None:
    waits, good, mended, bad = (
        made(database, jobs, JobState.REVIEW, a_job(name, key=name)) for name in ("a", "b", "c", "d")
    )
    made(database, jobs, JobState.SUCCEEDED, a_job("e", key="e"))  # of a time without review
    reviews.accept(good, "", "", ())
    reviews.accept(mended, "", "", ["2.25.1"])
    for job in (bad, waits):
        reviews.reject(job, "", "")
    reviews.accept(bad, "", "", ())  # on second thoughts
    jobs.move(bad.id, JobState.SUPERSEDED)
    other = made(database, jobs, JobState.REVIEW, a_job("f", project="heads"))
    (tally,) = reviews.tallies("lungs")
    assert (tally.workflow, tally.version) == ("box", "1.0")
    assert (tally.waiting, tally.accepted, tally.corrected, tally.rejected) == (0, 2, 1, 1)
    assert [one.waiting for one in reviews.tallies()] == [1, 0]
    assert jobs.get(other.id).state is JobState.REVIEW


# -- corrections ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(database: Database, jobs: JobStore, ct: SourceSeries, output: Path, tmp_path: Path) -> FinishedRun:
    """A job on the series CT that has made its results, and waits for review."""
    return a_run(database, jobs, ct, output, tmp_path, "organs-a")


def a_run(
    database: Database,
    jobs: JobStore,
    ct: SourceSeries,
    output: Path,
    folder: Path,
    job_id: str,
    state: JobState = JobState.REVIEW,
) -> FinishedRun:
    series = (JobSeries("CT", ct.series_instance_uid, ct.study_instance_uid, "c"),)
    job = replace(a_job(job_id, key=job_id), id=job_id, series=series, study_uid=ct.study_instance_uid)
    of_job = JobFolder(folder / job_id)
    of_job.data.mkdir(parents=True)
    staged = [{"name": "CT", "files": [str(file) for file in ct.files]}]
    (of_job.data / "job.json").write_text(json.dumps({"series": staged}))
    of_job.output.symlink_to(output)
    return FinishedRun(made(database, jobs, state, job), of_job, manifest(), "", FINISHED)


@pytest.fixture
def corrections(database: Database, tmp_path: Path) -> CorrectionStore:
    return CorrectionStore(database, tmp_path / "corrections")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def desk(corrections: CorrectionStore, ledger: Ledger, *runs: FinishedRun) -> CorrectionDesk:
    return CorrectionDesk(corrections, ledger, lambda _project, _study: runs)


def drawn(ct: SourceSeries, labels: np.ndarray, **more: Any) -> bytes:
    return part10(stored_by_ohif(ct.headers, labels, SEGMENTS), **more)


def part10(seg: Dataset, **more: Any) -> bytes:
    for keyword, value in more.items():
        setattr(seg, keyword, value)
    file = BytesIO()
    seg.save_as(file, enforce_file_format=True)
    return file.getvalue()


def taller(labels: np.ndarray) -> np.ndarray:
    found = labels.copy()
    found[2:5, 3:5, 2:6] = 1
    return found


def test_each_correction_is_a_version_and_the_same_voxels_are_the_same_version(
    run: FinishedRun, ct: SourceSeries, labels: np.ndarray, corrections: CorrectionStore, ledger: Ledger
) -> None:
    taken = desk(corrections, ledger, run)
    assert taken.take(drawn(ct, taller(labels)), "lungs", "READING")
    assert not taken.take(drawn(ct, taller(labels)), "lungs", "READING")  # under another UID
    assert taken.take(drawn(ct, labels), "lungs", "READING")
    newest, first = corrections.of_job(run.job.id)
    assert (newest.version, first.version, first.mask, first.sender) == (2, 1, "abdomen", "READING")
    assert newest.agreement == {"Spleen": 1.0, "Liver": 1.0}
    assert first.agreement["Liver"] == 1.0 and 0.5 < first.agreement["Spleen"] < 1
    assert corrections.latest(run.job.id) == [newest]
    assert first.path.exists() and newest.path.exists()
    accepted = replace(run, corrections=(first.as_mask,))
    (mask,) = outputs_of(accepted, result_job_of(accepted)).masks
    assert np.array_equal(mask.labels, taller(labels))
    assert dcmread(first.path).SOPInstanceUID == first.sop_uid


def test_what_we_have_made_ourselves_is_no_correction(
    run: FinishedRun, ct: SourceSeries, labels: np.ndarray, corrections: CorrectionStore, ledger: Ledger
) -> None:
    job = result_job_of(run)
    objects = encode(outputs_of(run, job), job)
    paths = write(objects, run.folder.results)
    rows = [
        MadeObject(
            one.sop_instance_uid, one.kind, "1.2", one.series_instance_uid, one.study_instance_uid, path.name
        )
        for one, path in zip(objects, paths, strict=True)
    ]
    ledger.set_made(run.job.id, rows)
    taken = desk(corrections, ledger, run)
    assert not taken.take(paths[0].read_bytes(), "lungs", "READING")
    taken.take(drawn(ct, taller(labels)), "lungs", "READING")
    (kept,) = corrections.of_job(run.job.id)
    assert not taken.take(kept.path.read_bytes(), "lungs", "READING")
    assert len(corrections.of_project("lungs")) == 1


def refusal(taken: CorrectionDesk, file: bytes) -> str:
    with pytest.raises(CorrectionRefused) as refused:
        taken.take(file, "lungs", "READING")
    return refused.value.reason


def test_one_that_fits_several_jobs_is_refused_unless_one_of_them_waits(
    database: Database,
    jobs: JobStore,
    run: FinishedRun,
    ct: SourceSeries,
    output: Path,
    labels: np.ndarray,
    corrections: CorrectionStore,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    done = [
        a_run(database, jobs, ct, output, tmp_path, name, JobState.SUCCEEDED)
        for name in ("other-b", "other-c")
    ]
    file = drawn(ct, taller(labels))
    assert refusal(desk(corrections, ledger, *done), file) == "ambiguous"
    assert desk(corrections, ledger, *done, run).take(file, "lungs", "READING")
    (kept,) = corrections.of_project("lungs")
    assert kept.job_id == run.job.id
    assert corrections.of_project("heads") == []


def with_another_mask(run: FinishedRun, output: Path, ct: SourceSeries, labels: np.ndarray) -> FinishedRun:
    """The run, with a second mask of the same places that calls them otherwise."""
    write_mask(labels, ct, output / "mask" / "rough.nii.gz")
    (first,) = run.manifest.outputs.masks
    segments = tuple(one.model_copy(update={"label": f"{one.label} roughly"}) for one in first.segments)
    rough = first.model_copy(update={"name": "rough", "segments": segments})
    outputs = run.manifest.outputs.model_copy(update={"masks": (rough, first)})
    return replace(run, manifest=run.manifest.model_copy(update={"outputs": outputs}))


def test_labels_say_which_of_two_masks_it_corrects_before_places_do(
    run: FinishedRun,
    ct: SourceSeries,
    output: Path,
    labels: np.ndarray,
    corrections: CorrectionStore,
    ledger: Ledger,
) -> None:
    taken = desk(corrections, ledger, with_another_mask(run, output, ct, labels))
    assert taken.take(drawn(ct, taller(labels)), "lungs", "READING")
    (kept,) = corrections.of_job(run.job.id)
    assert kept.mask == "abdomen"
    # One that is missing is missing from the mask that the other belongs to.
    only = part10(stored_by_ohif(ct.headers, np.where(labels == 2, 0, labels), {1: "Spleen"}))
    assert refusal(taken, only) == "missing_segment"
    nameless = part10(stored_by_ohif(ct.headers, labels, {1: "Segment 1", 2: "Segment 2"}))
    assert refusal(taken, nameless) == "ambiguous"


def test_what_was_made_first_is_no_correction_when_a_corrected_one_has_taken_its_place(
    run: FinishedRun, ct: SourceSeries, labels: np.ndarray, corrections: CorrectionStore, ledger: Ledger
) -> None:
    job = result_job_of(run)
    seg = next(one.dataset for one in encode(outputs_of(run, job), job) if one.kind == "SEG")
    taken = desk(corrections, ledger, run)  # whose ledger has other objects now
    assert not taken.take(part10(seg), "lungs", "READING")
    copy = copy_uid(seg.SOPInstanceUID)
    seg.file_meta.MediaStorageSOPInstanceUID = copy
    assert not taken.take(part10(seg, SOPInstanceUID=copy), "lungs", "READING")
    assert corrections.of_job(run.job.id) == []


def test_one_that_refers_to_nothing_that_a_job_has_worked_on_is_refused(
    run: FinishedRun, ct: SourceSeries, labels: np.ndarray, corrections: CorrectionStore, ledger: Ledger
) -> None:
    seg = stored_by_ohif(ct.headers, labels, SEGMENTS)
    seg.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    assert refusal(desk(corrections, ledger, run), part10(seg)) == "other_series"
    good = stored_by_ohif(ct.headers, labels, SEGMENTS)
    assert refusal(desk(corrections, ledger), part10(good)) == "other_series"
    run.folder.output.unlink()  # tidied away
    assert refusal(desk(corrections, ledger, run), part10(good)) == "other_series"
    assert refusal(desk(corrections, ledger, run), b"no DICOM") == "unreadable"
    assert corrections.of_project() == []


def test_one_that_names_no_series_is_known_by_the_images_that_it_was_drawn_on(
    run: FinishedRun, ct: SourceSeries, labels: np.ndarray, corrections: CorrectionStore, ledger: Ledger
) -> None:
    seg = stored_by_ohif(ct.headers, taller(labels), SEGMENTS)
    del seg.ReferencedSeriesSequence
    source = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    drawn_on, source.ReferencedSOPInstanceUID = source.ReferencedSOPInstanceUID, "1.2.3"
    assert refusal(desk(corrections, ledger, run), part10(seg)) == "contradiction"
    source.ReferencedSOPInstanceUID = drawn_on
    assert desk(corrections, ledger, run).take(part10(seg), "lungs", "READING")


@pytest.mark.parametrize("form", ["nifti", "seg"])
def test_corrections_are_exported_on_the_grid_of_their_series_with_where_they_come_from(
    form: Any,
    run: FinishedRun,
    ct: SourceSeries,
    labels: np.ndarray,
    corrections: CorrectionStore,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    desk(corrections, ledger, run).take(drawn(ct, taller(labels)), "lungs", "READING")
    found, folder = corrections.of_project("lungs"), tmp_path / "training"

    def images(_series_uid: str) -> Sequence[Path]:
        return ct.files

    for _ in range(2):
        assert export_corrections(found, images, folder, form) == 1
    rows = list(csv.DictReader((folder / "corrections.csv").open()))
    assert {datetime.fromisoformat(one["received_at"]).tzinfo for one in rows} == {UTC}
    assert [(row["segment"], row["mask"], row["version"]) for row in rows] == [
        ("Spleen", "abdomen", "1"),
        ("Liver", "abdomen", "1"),
    ]
    assert {row["series_uid"] for row in rows} == {ct.series_instance_uid}
    file = folder / rows[0]["file"]
    if form == "nifti":
        image = nibabel.load(file)
        assert np.array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), taller(labels))
        assert np.allclose(image.affine, ct.grid.affine_ras)
    else:
        assert dcmread(file).SegmentSequence[0].SegmentLabel == "Spleen"
    with pytest.raises(NotFound, match="no longer holds"):
        export_corrections(found, lambda _uid: [], tmp_path / "none", form)
    assert not (tmp_path / "none").exists()


# -- where reviewers look ---------------------------------------------------------------------------------------------


def room(ledger: Ledger, **pacs: Any) -> ReviewRoom:
    no_index: Any = None  # of images, which are not asked for
    return ReviewRoom(no_index, Path(), ledger, lambda: pacs, "ROR", no_index)


def test_nothing_is_shown_where_a_project_names_no_place(run: FinishedRun, ledger: Ledger) -> None:
    project = Project("lungs", review=True)
    assert room(ledger).show(run, project, []) == "waits for review"
    assert room(ledger).take_back(run.job, project) == ""


def test_a_pacs_under_original_identity_is_no_place_for_reviewers(run: FinishedRun, ledger: Ledger) -> None:
    clinical = settings(host="127.0.0.1", port=104, ae_title="CLINICAL", identity="original")
    with pytest.raises(ConfigurationError, match="original identity"):
        room(ledger, clinical=clinical).show(run, Project("lungs", review=True, review_pacs="clinical"), [])
