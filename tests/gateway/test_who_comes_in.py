"""Who an object is of: numbers, coupling lists, quarantine until a patient is listed, and the way back."""

from __future__ import annotations

import os
import pwd
import threading

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from ror.db import Database, tables
from ror.errors import NotFound
from ror.gateway import Answer, Received, Status, release
from ror.model import PseudonymScheme
from ror.registry import ANY, Coupling, Project, PseudonymRule, Role, Route
from tests.anonymizer.planted import ct, minimal
from tests.gateway.conftest import Gateway, received

COUNTED = PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA-{:04d}")
COUPLED = PseudonymRule("lungs", PseudonymScheme.COUPLED)
ME = Role((pwd.getpwuid(os.getuid()).pw_name,))


def of(patient: str, study: int = 1, image: int = 1, **attributes: object) -> Dataset:
    root = f"1.2.3.{study}{int.from_bytes(patient.encode(), 'big')}"
    return minimal(
        PatientID=patient,
        StudyInstanceUID=root,
        SeriesInstanceUID=f"{root}.1",
        SOPInstanceUID=f"{root}.1.{image}",
        **attributes,
    )


def patients(gateway: Gateway) -> list[str]:
    return sorted({one.patient_id for one in gateway.catalogue.series("lungs")})


def couple(gateway: Gateway, *rows: tuple[str, str]) -> None:
    key = gateway.projects.key("lungs")
    gateway.who.couplings.add("lungs", key, [Coupling(n, *row) for n, row in enumerate(rows, 2)])


def everything(database: Database) -> str:
    with database.read() as connection:
        return repr([connection.execute(sa.select(one)).all() for one in tables.metadata.tables.values()])


# -- numbers ----------------------------------------------------------------------------------------------------------


def test_patients_are_numbered_as_they_come(gateway: Gateway) -> None:
    gateway.who.rules.set(COUNTED)
    for one in (of("QZA"), of("QZB"), of("QZA", study=2), of("QZA", image=2)):
        assert gateway.intake.receive(received(one)) == Answer(Status.SUCCESS)
    assert patients(gateway) == ["MOBA-0001", "MOBA-0002"]


def test_no_number_is_spent_on_whom_everything_is_refused(gateway: Gateway) -> None:
    gateway.who.rules.set(COUNTED)
    refused = (
        of("QZA", BurnedInAnnotation="YES"),
        of("QZA", image=2, Modality="SR", BurnedInAnnotation="YES"),
    )
    for one in refused:
        assert gateway.intake.receive(received(one)).status is not Status.SUCCESS
    assert gateway.intake.receive(received(minimal(PatientID=""))).status is Status.DATASET_MISMATCH
    gateway.intake.receive(received(of("QZB")))
    assert patients(gateway) == ["MOBA-0001"]


def test_associations_that_bring_one_new_patient_at_once_agree_on_the_number(gateway: Gateway) -> None:
    gateway.who.rules.set(COUNTED)
    start, answers = threading.Barrier(6), []

    def send(image: int) -> None:
        start.wait()
        answers.append(gateway.intake.receive(received(of("QZA", image=image))))

    threads = [threading.Thread(target=send, args=[image]) for image in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Answer(Status.SUCCESS)] * 6
    assert patients(gateway) == ["MOBA-0001"]


# -- lists ------------------------------------------------------------------------------------------------------------


def test_a_listed_patient_comes_in_under_the_new_id_and_event(gateway: Gateway) -> None:
    gateway.who.rules.set(COUPLED)
    key = gateway.projects.key("lungs")
    gateway.who.couplings.add("lungs", key, [Coupling(2, "QZA", "MOBA-7", "baseline_arm_1")])
    gateway.intake.receive(received(of("QZA")))
    (file,) = gateway.files.root.rglob("*.dcm")
    header = dcmread(file)
    assert (header.PatientID, header.ReferringPhysicianName) == ("MOBA-7", "EventName:baseline_arm_1")


def test_an_unlisted_patient_waits_in_quarantine_and_comes_in_once_listed(
    gateway: Gateway, database: Database
) -> None:
    gateway.who.rules.set(COUPLED)
    couple(gateway, ("QZA", "MOBA-1"))
    assert gateway.intake.receive(received(of("QZB"))) == Answer(
        Status.UNLISTED_PATIENT, "quarantined: unlisted_patient"
    )
    (held,) = gateway.quarantine.list()
    assert held.reason == "unlisted_patient"
    assert "QZB" not in everything(database)
    (still,) = release(gateway.quarantine, gateway.intake, [held])
    assert still.answer.status is Status.UNLISTED_PATIENT
    assert [one.sha256 for one in gateway.quarantine.list()] == [held.sha256]
    couple(gateway, ("QZB", "MOBA-2"))
    (released,) = release(gateway.quarantine, gateway.intake, gateway.quarantine.list())
    assert released.answer == Answer(Status.SUCCESS)
    assert (patients(gateway), gateway.quarantine.list()) == (["MOBA-2"], [])
    assert list((gateway.folder / "quarantine").iterdir()) == []


# -- quarantine -------------------------------------------------------------------------------------------------------


def test_what_is_refused_for_another_reason_stays_with_that_reason(gateway: Gateway) -> None:
    gateway.who.rules.set(COUPLED)
    gateway.intake.receive(received(of("QZA", BurnedInAnnotation="YES")))
    couple(gateway, ("QZA", "MOBA-1"))
    list(release(gateway.quarantine, gateway.intake, gateway.quarantine.list()))
    assert [one.reason for one in gateway.quarantine.list()] == ["burned_in_annotation"]


def test_what_two_projects_have_refused_each_releases_by_itself(gateway: Gateway) -> None:
    gateway.projects.add(Project("heads"))
    gateway.routes.add(Route("OTHER", ANY, "heads"))
    gateway.who.rules.set(COUPLED)
    gateway.who.rules.set(PseudonymRule("heads", PseudonymScheme.COUPLED))
    for sender in ("SCANNER", "OTHER"):
        gateway.intake.receive(received(of("QZA"), calling=sender))
    assert {one.project for one in gateway.quarantine.list()} == {"lungs", "heads"}
    couple(gateway, ("QZA", "MOBA-1"))
    answers = [
        one.answer.status for one in release(gateway.quarantine, gateway.intake, gateway.quarantine.list())
    ]
    assert sorted(answers) == [Status.SUCCESS, Status.UNLISTED_PATIENT]
    (left,) = gateway.quarantine.list()
    assert left.project == "heads"
    assert (gateway.folder / "quarantine" / f"{left.sha256}.dcm").exists()


def test_a_file_that_is_gone_is_told(gateway: Gateway) -> None:
    gateway.intake.receive(received(cut=40))
    (held,) = gateway.quarantine.list()
    file = gateway.folder / "quarantine" / f"{held.sha256}.dcm"
    for content in (b"DICM", None):
        file.write_bytes(content) if content else file.unlink()
        with pytest.raises(NotFound):
            list(release(gateway.quarantine, gateway.intake, [held]))


UIDS = st.text("0123456789. x", max_size=20)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@given(UIDS, UIDS, UIDS, st.binary(max_size=40))
def test_an_object_leaves_quarantine_as_it_came(sop_class: str, uid: str, syntax: str, data: bytes) -> None:
    came = Received("SCANNER", "ROR", sop_class, uid, syntax, data)
    assert Received.from_part10(came.to_part10(), "SCANNER", "ROR").to_part10() == came.to_part10()
    assert Received.from_part10(came.to_part10(), "SCANNER", "ROR").data == data


# -- the way back -----------------------------------------------------------------------------------------------------


@pytest.fixture
def keeping(gateway: Gateway) -> Gateway:
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    gateway.who.identities.make_key("lungs")
    gateway.who.rules.set(
        PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA-{:04d}", keeps_identities=True)
    )
    return gateway


def test_a_study_that_is_taken_in_can_be_led_back(keeping: Gateway) -> None:
    keeping.intake.receive(received(of("QZA", AccessionNumber="QZACC")))
    keeping.intake.receive(received(of("QZA", study=2)))
    found = keeping.who.identities.open("lungs", "MOBA-0001", "test", ME)
    assert {one.original.patient_id for one in found} == {"QZA"}
    assert {one.original.study_instance_uid for one in found} == {
        of("QZA").StudyInstanceUID,
        of("QZA", study=2).StudyInstanceUID,
    }
    assert {one.study_uid for one in found} == {one.study_uid for one in keeping.catalogue.series("lungs")}


def test_what_is_kept_of_a_planted_object_shows_nothing_of_it(keeping: Gateway, database: Database) -> None:
    planted = ct()
    assert keeping.intake.receive(received(planted.dataset)) == Answer(Status.SUCCESS)
    text = everything(database).lower()
    assert [word for word in planted.secrets if word.decode().lower() in text] == []


def test_without_its_key_nothing_is_taken_in_that_could_not_be_led_back(keeping: Gateway) -> None:
    key = keeping.who.identities.key_file("lungs")
    key.rename(key.with_suffix(".away"))
    assert keeping.intake.receive(received(of("QZA"))).status is Status.OUT_OF_RESOURCES
    assert keeping.archived() == {}
    key.with_suffix(".away").rename(key)
    assert keeping.intake.receive(received(of("QZA"))) == Answer(Status.SUCCESS)
    assert len(keeping.who.identities.open("lungs", "MOBA-0001", "x", ME)) == 1
