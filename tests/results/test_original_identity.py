"""Results under the original identity: what a clinical PACS gets of a study that was taken in de-identified."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydantic import ValidationError
from pydicom import Dataset, dcmread

from orthanc import OrthancServer, send
from ror.db import Database, tables
from ror.engine import JobStore
from ror.gateway import Status
from ror.model import Job, JobState
from ror.registry import IdentityStore, PseudonymRule
from ror.results import (
    Deliverer,
    DeliveryRefused,
    DeliveryUnavailable,
    Destination,
    Ledger,
    MadeObject,
    Outgoing,
    ResultObject,
    Shipment,
    SourceSeries,
    destination_of,
    encode,
    read_outputs,
    validate,
    write,
)
from ror.results.destinations import NotAuthorised, UnderOriginalIdentity
from tests.engine.test_jobs import made
from tests.gateway.conftest import Gateway, build, gateway, received
from tests.gateway.test_who_comes_in import everything
from tests.results.own_pacs import OwnPacs
from tests.results.samples import (
    WORKFLOW,
    check_with_dciodvfy,
    ct_headers,
    job_on,
    manifest,
    write_mask,
    write_series,
)
from tests.results.test_destinations import settings

__all__ = ["build", "gateway"]  # fixtures

pytest.importorskip("cryptography", reason="the package cryptography is not installed")

PATIENT = {
    "PatientID": "QZ-4711",
    "IssuerOfPatientID": "QZHOSPITAL",
    "PatientName": "Qzmüller^Qzänne",
    "PatientBirthDate": "19570312",
    "PatientSex": "F",
    "AccessionNumber": "QZACC-12",
    "StudyID": "QZ12",
    "StudyDate": "20210617",
}
EVERYTHING = WORKFLOW.replace(
    "[[outputs.masks]]", '[outputs]\ncaptures = "key"\nreport = true\n[[outputs.masks]]', 1
)
ROWS = [{"field_name": "spleen_volume", "value": 14.25}, {"field_name": "noise", "value": 12}]


def identified_ct() -> list[Dataset]:
    """A CT as it comes from the scanner."""
    headers = ct_headers(patient_id="QZ-4711")
    for header in headers:
        header.SpecificCharacterSet = "ISO_IR 100"
        header.AcquisitionDate = "20210617"
        for keyword, value in PATIENT.items():
            setattr(header, keyword, value)
    return headers


@dataclass(frozen=True)
class Clinic:
    """A study that was taken in, a job that has made results of it, and where they go."""

    originals: list[Dataset]
    gateway: Gateway
    ledger: Ledger
    job: Job
    folder: Path
    database: Database

    def taken_in(self) -> SourceSeries:
        """The study as research has it."""
        self.gateway.intake.flush()
        (study,) = self.gateway.index.studies()
        files = [
            self.gateway.files.root / one.path for one in self.gateway.index.study_instances(study.study_uid)
        ]
        return SourceSeries.read("CT", files)

    def results(self, text: str = EVERYTHING) -> list[Outgoing]:
        """What the job makes of a mask with a spleen, noted in the ledger."""
        source = self.taken_in()
        assert source.grid is not None
        labels = np.zeros(source.grid.shape, np.uint8)
        labels[2:4, 3:5, 2:6] = 1
        write_mask(labels, source, self.folder / "output" / "mask" / "abdomen.nii.gz")
        (self.folder / "output" / "output.json").write_text(json.dumps(ROWS))
        of_job = job_on(source, job_id=self.job.id)
        objects = encode(read_outputs(self.folder / "output", manifest(text), of_job), of_job)
        validate(objects, of_job)
        paths = write(objects, self.folder / "results")
        self.ledger.set_made(
            self.job.id, [_made(one, path) for one, path in zip(objects, paths, strict=True)]
        )
        return [
            Outgoing(one.sop_uid, one.series_uid, one.study_uid, one.kind, Path(one.path))
            for one in self.ledger.made([self.job.id])
        ]

    def shipment(self, results: list[Outgoing]) -> Shipment:
        return Shipment(self.job, (), results, ())

    def under_original_identity(self, destination: Destination) -> Destination:
        way_back = self.gateway.who.identities.way_back("lungs")
        return UnderOriginalIdentity(destination, way_back, self.ledger.named, self.job.id)


def _made(one: ResultObject, path: Path) -> MadeObject:
    uids = one.sop_instance_uid, one.series_instance_uid, one.study_instance_uid
    return MadeObject(uids[0], one.kind, str(one.dataset.SOPClassUID), uids[1], uids[2], str(path))


@pytest.fixture
def gate(gateway: Gateway) -> Gateway:
    """A gateway whose project delivers under the original identity."""
    gateway.who.identities.make_key("lungs")
    gateway.who.rules.set(PseudonymRule("lungs", keeps_identities=True))
    gateway.projects.change(replace(gateway.projects.get("lungs"), original_identity=True))
    return gateway


@pytest.fixture
def clinic(gate: Gateway, database: Database, tmp_path: Path) -> Clinic:
    originals = identified_ct()
    for header in originals:
        assert gate.intake.receive(received(header)).status is Status.SUCCESS
    job = made(database, JobStore(database), JobState.RUNNING)
    return Clinic(originals, gate, Ledger(database), job, tmp_path, database)


def at(pacs: OwnPacs, **more: object) -> Destination:
    return destination_of("clinic", pacs.settings(**more), "ROR")


# -- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
@pytest.mark.parametrize("by", ["C-STORE", "STOW-RS"])
def test_all_results_lie_in_the_original_study_of_the_clinical_pacs(
    clinic: Clinic, orthanc_web: OrthancServer, by: str, tmp_path: Path
) -> None:
    """Segmentation, report, pictures, key images and page are valid there, and refer to what is there."""
    peer, url = orthanc_web.peer, orthanc_web.rest.url
    files = write_series(clinic.originals, tmp_path / "clinic")
    send(peer, files)
    dimse = {"host": peer.host, "port": peer.port, "ae_title": peer.ae_title}
    address = dimse if by == "C-STORE" else {"dicomweb_url": f"{url}/dicom-web"}
    original = settings(orthanc_url=url, identity="original", **address)
    destination = clinic.under_original_identity(destination_of("clinic", original, "ROR"))

    results = clinic.results()
    told = Deliverer(clinic.ledger).deliver(clinic.shipment(results), [destination])
    assert told == f"clinic: 0 images, 6 results, confirmed by {'C-FIND' if by == 'C-STORE' else 'QIDO-RS'}"

    (study,) = orthanc_web.rest.studies()
    assert study.study_instance_uid == clinic.originals[0].StudyInstanceUID
    uids = {str(one.SOPInstanceUID) for one in clinic.originals}
    clinical = {one.SOPInstanceUID: one for one in held_by(orthanc_web) if one.SOPInstanceUID not in uids}
    assert sorted(one.Modality for one in clinical.values()) == ["DOC", "KO", "OT", "SEG", "SR", "SR"]
    assert not clinical.keys() & {one.sop_uid for one in results}
    for dataset in clinical.values():
        assert {keyword: str(dataset[keyword].value) for keyword in PATIENT} == PATIENT
    # The checks that hold results against their sources hold these against the images of the clinic.
    source = SourceSeries.read("CT", files)
    kinds = {"SEG": "SEG", "SR": "SR", "KO": "KO", "DOC": "PDF", "OT": "SC"}
    validate(
        [
            ResultObject(kinds[one.Modality], "abdomen", one)  # type: ignore[arg-type]
            for one in clinical.values()
        ],
        job_on(source, job_id=clinic.job.id),
    )
    (segmentation,) = (one for one in clinical.values() if one.Modality == "SEG")
    read = highdicom.seg.Segmentation.from_dataset(segmentation)
    assert {str(uid) for _study, _series, uid in read.get_source_image_uids()} == uids
    assert read.FrameOfReferenceUID == clinic.originals[0].FrameOfReferenceUID
    for number, dataset in enumerate(clinical.values()):
        path = tmp_path / f"{number}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        check_with_dciodvfy(path)

    # A rerun replaces, and what replaces it takes it away.
    clinic.ledger.forget_delivered("clinic", [one.sop_uid for one in results])
    Deliverer(clinic.ledger).deliver(clinic.shipment(results), [destination])
    assert len(held_by(orthanc_web)) == len(uids) + len(results)
    assert destination.remove(results) == len(results)
    assert {str(one.SOPInstanceUID) for one in held_by(orthanc_web)} == uids


def held_by(server: OrthancServer) -> list[Dataset]:
    files = [server.rest.file(uid) for uid in server.rest.instances()]
    return [dcmread(BytesIO(file)) for file in files if file is not None]


# -- nothing is shown -------------------------------------------------------------------------------------------------


def test_who_the_patient_is_stands_in_no_file_table_or_log(
    clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="ror")
    with OwnPacs().running() as pacs:
        destination = clinic.under_original_identity(at(pacs))
        Deliverer(clinic.ledger).deliver(clinic.shipment(clinic.results()), [destination])
        clinical = pacs.received
    assert len(clinical) == 6
    hidden = [value for keyword, value in PATIENT.items() if keyword != "PatientSex"] + clinical
    hidden += [str(one[keyword].value) for one in clinic.originals for keyword in ORIGINAL_UIDS]
    shown = everything(clinic.database) + caplog.text
    assert [value for value in hidden if value in shown] == []
    content = b"".join(file.read_bytes() for file in clinic.folder.rglob("*") if file.is_file())
    assert [value for value in hidden if value.encode() in content] == []


ORIGINAL_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")


def test_each_delivery_goes_on_record_once(clinic: Clinic) -> None:
    results = clinic.results()
    with OwnPacs(to_hide=1).running() as pacs:
        destination = clinic.under_original_identity(at(pacs))
        with pytest.raises(DeliveryUnavailable):
            Deliverer(clinic.ledger).deliver(clinic.shipment(results), [destination])
        clinic.ledger.forget_delivered("clinic", [results[0].sop_uid])
        Deliverer(clinic.ledger).deliver(clinic.shipment(results), [destination])
    (record,) = (one for one in clinic.gateway.who.audit.list() if one.action == "deliver as original")
    (study,) = clinic.gateway.index.studies()
    assert (record.project, record.pseudonym) == ("lungs", study.patient_id)
    assert record.detail == f"job {clinic.job.id} to clinic"


# -- what cannot go back ----------------------------------------------------------------------------------------------


def test_results_of_images_without_a_way_back_are_refused_there_and_reach_the_others(clinic: Clinic) -> None:
    """All of them: a report without its segmentation helps nobody."""
    results = clinic.results()
    uids = tables.original_uids
    last = clinic.gateway.projects.key("lungs").uid(str(clinic.originals[3].SOPInstanceUID))
    with clinic.database.write() as connection:
        connection.execute(uids.delete().where(uids.c.uid == last))
    with OwnPacs().running() as pacs, OwnPacs().running() as research:
        clinical = clinic.under_original_identity(at(pacs))
        others = destination_of("research", research.settings(images=False), "ROR")
        with pytest.raises(DeliveryRefused, match="has no way back: its ReferencedSOPInstanceUID") as refused:
            Deliverer(clinic.ledger).deliver(clinic.shipment(results), [clinical, others])
        assert "research: 0 images, 6 results, confirmed by C-FIND" in str(refused.value)
        assert "sent again" in refused.value.advice
        assert (pacs.received, sorted(research.received)) == ([], sorted(one.sop_uid for one in results))


def test_a_study_whose_patient_was_not_kept_is_refused(clinic: Clinic) -> None:
    results = clinic.results()
    with clinic.database.write() as connection:
        connection.execute(tables.identities.delete())
    with OwnPacs().running() as pacs, pytest.raises(DeliveryRefused, match=r"whose study .* was not kept"):
        clinic.under_original_identity(at(pacs)).send(results, lambda uid: None)
    assert pacs.received == []


def test_without_the_key_that_destination_is_refused(clinic: Clinic) -> None:
    results = clinic.results()
    clinic.gateway.who.identities.key_file("lungs").unlink()
    fresh = IdentityStore(clinic.database, clinic.folder / "secrets", clinic.gateway.who.audit)
    with OwnPacs().running() as pacs:
        way_back = fresh.way_back("lungs")
        destination = UnderOriginalIdentity(at(pacs), way_back, clinic.ledger.named, clinic.job.id)
        with pytest.raises(DeliveryRefused, match="key of identities cannot be read") as refused:
            destination.send(results, lambda uid: None)
        assert refused.value.advice.endswith("then retry the job")
        assert pacs.received == []


def test_a_project_that_may_not_is_refused() -> None:
    destination = NotAuthorised("clinic", "lungs")
    for act in (lambda: destination.send([], print), lambda: destination.held([])):
        with pytest.raises(DeliveryRefused, match="project lungs may not go there") as refused:
            act()
        assert "ror project change lungs --original-identity" in refused.value.advice
    assert (destination.images, destination.remove([])) == (False, None)


def test_a_folder_never_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="never written to a disk"):
        settings(folder=str(tmp_path), identity="original")


# -- objects of programs ----------------------------------------------------------------------------------------------


def test_what_a_program_has_copied_from_its_images_goes_back_and_what_is_its_own_stays(
    clinic: Clinic,
) -> None:
    header = clinic.taken_in().headers[0]
    one = Dataset()
    one.file_meta = header.file_meta
    for keyword in ("SOPClassUID", "StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "StudyDate"):
        one[keyword] = header[keyword]
    one.SpecificCharacterSet = "ISO_IR 100"
    one.SOPInstanceUID, one.SeriesInstanceUID = "2.25.11", "2.25.12"
    one.SeriesDate, one.ContentDate = header.StudyDate, "20260304"
    one.AcquisitionDateTime = f"{header.StudyDate}101112.5"
    one.FrameReferenceDateTime = None
    one.ReferringPhysicianName = "EventName:baseline"
    one.PatientAge, one.PatientIdentityRemoved = "090Y", "YES"
    one.ClinicalTrialSubjectID = "MOBA-1"
    one.ImageComments = "Größe"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = header.SOPClassUID, "2.25.11"
    one.ReferencedImageSequence = [reference]
    path = clinic.folder / "own.dcm"
    one.save_as(path, enforce_file_format=True)
    made_of = MadeObject("2.25.11", "DICOM", str(one.SOPClassUID), "2.25.12", str(one.StudyInstanceUID), "x")
    clinic.ledger.set_made(clinic.job.id, [made_of])
    outgoing = Outgoing("2.25.11", "2.25.12", str(one.StudyInstanceUID), "DICOM", path)
    with OwnPacs(keeps=True).running() as pacs:
        clinic.under_original_identity(at(pacs)).send([outgoing], lambda uid: None)
        (came,) = pacs.kept
    assert {keyword: str(came[keyword].value) for keyword in PATIENT} == PATIENT
    assert (came.StudyInstanceUID, came.FrameOfReferenceUID) == (
        clinic.originals[0].StudyInstanceUID,
        clinic.originals[0].FrameOfReferenceUID,
    )
    assert came.ReferencedImageSequence[0].ReferencedSOPInstanceUID == came.SOPInstanceUID != "2.25.11"
    assert came.SeriesInstanceUID != "2.25.12"
    assert (came.SeriesDate, came.ContentDate) == ("20210617", "20260304")
    assert (came.AcquisitionDateTime, came.ImageComments) == ("20210617101112.5", "Größe")
    assert not came.ReferringPhysicianName
    assert not {"PatientAge", "PatientIdentityRemoved", "ClinicalTrialSubjectID"} & set(came.dir())
