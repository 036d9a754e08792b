"""What a later job supersedes: objects of another version, or of fewer images, are named in those that replace them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ror.db import Database
from ror.engine import JobStore
from ror.model import JobState
from ror.results import (
    Earlier,
    EarlierObject,
    Ledger,
    MadeObject,
    ObjectsInvalid,
    ResultJob,
    encode,
    read_outputs,
    validate,
    write,
)
from tests.engine.test_jobs import a_job, jobs, made
from tests.results.samples import WORKFLOW, check_with_dciodvfy, manifest

__all__ = ["jobs"]  # the fixture

WANTED = '[outputs]\ncaptures = "key"\nreport = true\n[[outputs.masks]]'
PACKAGE = manifest(WORKFLOW.replace("[[outputs.masks]]", WANTED, 1))


def objects_of(output: Path, job: ResultJob):
    objects = encode(read_outputs(output, PACKAGE, job), job)
    validate(objects, job)
    return objects


def as_earlier(objects, job: ResultJob) -> Earlier:
    return Earlier(
        job.job_id,
        job.version,
        tuple(
            EarlierObject(
                str(one.dataset.SOPClassUID),
                one.sop_instance_uid,
                one.series_instance_uid,
                one.study_instance_uid,
            )
            for one in objects
        ),
    )


@pytest.fixture
def earlier(output: Path, job: ResultJob) -> Earlier:
    older = replace(job, job_id="organs-older", version="1.1.0")
    return as_earlier(objects_of(output, older), older)


@pytest.fixture
def later(job: ResultJob, earlier: Earlier) -> ResultJob:
    return replace(job, supersedes=(earlier,))


def only(objects, kind: str):
    return next(one.dataset for one in objects if one.kind == kind)


# -- in the objects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["SR", "PDF"])
def test_a_document_refers_to_the_one_that_it_replaces(
    kind: str, output: Path, job: ResultJob, later: ResultJob
) -> None:
    older = replace(job, job_id="organs-older", version="1.1.0")
    before, after = only(objects_of(output, older), kind), only(objects_of(output, later), kind)
    (study,) = after.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (
        before.StudyInstanceUID,
        before.SeriesInstanceUID,
    )
    assert (instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID) == (
        before.SOPClassUID,
        before.SOPInstanceUID,
    )
    (purpose,) = instance.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121360", "DCM")


def test_the_report_that_replaces_another_is_complete_and_nobody_has_verified_it(
    output: Path, later: ResultJob
) -> None:
    sr = only(objects_of(output, later), "SR")
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )


def test_images_say_in_words_what_they_supersede_and_refer_to_their_sources_only(
    output: Path, later: ResultJob, ct
) -> None:
    objects = objects_of(output, later)
    seg, capture = only(objects, "SEG"), only(objects, "SC")
    assert seg.ContentDescription == "Research use only, not for diagnosis; supersedes 1.1.0"
    assert [one.SeriesInstanceUID for one in seg.ReferencedSeriesSequence] == [ct.series_instance_uid]
    assert capture.DerivationDescription.endswith("; supersedes 1.1.0")


def test_the_job_of_a_study_that_has_grown_supersedes_an_older_result(
    output: Path, job: ResultJob, earlier: Earlier
) -> None:
    grown = replace(job, supersedes=(replace(earlier, version=job.version),))
    seg = only(objects_of(output, grown), "SEG")
    assert seg.ContentDescription.endswith("supersedes an older result")


def test_nothing_is_said_to_be_superseded_by_the_first_job(output: Path, job: ResultJob) -> None:
    for one in objects_of(output, job):
        assert "PredecessorDocumentsSequence" not in one.dataset
        assert "supersedes" not in repr(one.dataset.get("ContentDescription"))


def test_all_of_several_versions_are_named(output: Path, job: ResultJob, earlier: Earlier) -> None:
    oldest_job = replace(job, job_id="organs-oldest", version="1.0.0")
    oldest = as_earlier(objects_of(output, oldest_job), oldest_job)
    objects = objects_of(output, replace(job, supersedes=(oldest, earlier)))
    (study,) = only(objects, "SR").PredecessorDocumentsSequence
    assert len(study.ReferencedSeriesSequence) == 2
    assert only(objects, "SEG").ContentDescription.endswith("supersedes 1.1.0, 1.0.0")


def test_a_document_may_refer_to_what_its_job_supersedes_and_to_nothing_else(
    output: Path, job: ResultJob, later: ResultJob
) -> None:
    with pytest.raises(ObjectsInvalid, match="neither input nor result"):
        validate(objects_of(output, later), job)


@pytest.mark.dciodvfy
def test_dciodvfy_finds_no_error_in_objects_that_supersede_others(
    output: Path, later: ResultJob, tmp_path: Path
) -> None:
    for path in write(objects_of(output, later), tmp_path / "results"):
        check_with_dciodvfy(path)


# -- in the ledger ----------------------------------------------------------------------------------------------------


def row(uid: str, kind: str = "SR") -> MadeObject:
    return MadeObject(uid, kind, "1.2", f"{uid}.1", "1.1", f"results/{kind}-{uid}.dcm")


def test_the_objects_of_a_job_that_has_succeeded_are_superseded(database: Database, jobs: JobStore) -> None:
    ledger, older = Ledger(database), made(database, jobs, JobState.SUCCEEDED)
    ledger.set_made(older.id, [row("9.1"), row("9.2", "SEG")])
    (told,) = ledger.superseded([older.id])
    assert (told.job_id, told.version) == (older.id, "1.0")
    assert told.objects == (
        EarlierObject("1.2", "9.2", "9.2.1", "1.1"),
        EarlierObject("1.2", "9.1", "9.1.1", "1.1"),
    )


def test_of_a_job_that_failed_only_what_was_acknowledged_is_superseded(
    database: Database, jobs: JobStore
) -> None:
    ledger, older = Ledger(database), made(database, jobs, JobState.SUPERSEDED)
    ledger.set_made(older.id, [row("9.1"), row("9.2")])
    assert ledger.superseded([older.id]) == ()
    ledger.note_delivered("main", ["9.2"], 1.0)
    ledger.note_delivered("other", ["9.2"], 1.0)
    (told,) = ledger.superseded([older.id])
    assert [one.sop_uid for one in told.objects] == ["9.2"]


def test_earlier_jobs_are_told_in_the_order_in_which_they_were_queued(
    database: Database, jobs: JobStore
) -> None:
    ledger = Ledger(database)
    first, second = (made(database, jobs, JobState.SUCCEEDED, a_job(content)) for content in "ab")
    for number, one in enumerate((second, first)):
        ledger.set_made(one.id, [row(f"9.{number}")])
    assert [told.job_id for told in ledger.superseded([second.id, first.id])] == [first.id, second.id]
    assert ledger.superseded([]) == ()
