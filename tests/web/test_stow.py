"""STOW-RS by the field's own client and by hand: everything takes the one way in, and each instance has its answer."""

from __future__ import annotations

import sqlite3
from io import BytesIO
from pathlib import Path

import pytest
import requests
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ror.model import StudyState
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.web.conftest import Web, multipart


def slices(count: int, **attributes: object) -> list[Dataset]:
    """Instances of one series."""
    return [minimal(**attributes, SOPInstanceUID=f"{ROOT}.4.{number}") for number in range(1, count + 1)]


def files(count: int, **attributes: object) -> list[bytes]:
    return [part10(one) for one in slices(count, **attributes)]


def archived(web: Web) -> list[Path]:
    return sorted((web.app.home.archive).rglob("*.dcm"))


def uids(answer: Dataset, sequence: str) -> dict[str, int | None]:
    """SOPInstanceUIDs of a sequence of the response, with the reason of each failure."""
    return {
        str(item.ReferencedSOPInstanceUID): item.get("FailureReason") for item in answer.get(sequence) or ()
    }


def test_what_the_fields_client_stores_is_in_the_archive_and_indexed(web: Web) -> None:
    sent = [dcmread(BytesIO(one)) for one in files(3)]
    answer = web.client(web.store).store_instances(sent)
    assert uids(answer, "ReferencedSOPSequence") == {str(one.SOPInstanceUID): None for one in sent}
    assert "FailedSOPSequence" not in answer
    assert len(archived(web)) == 3
    (study,) = web.app.index.studies("lungs")
    assert (study.instances, study.state) == (3, StudyState.RECEIVING)


def test_no_identity_reaches_the_archive_or_the_answer_of_a_reader(web: Web) -> None:
    answered = web.post(multipart(*files(1, PatientName="Qzabcd^Planted", PatientID="QZ1234")))
    assert answered.status_code == 200
    assert all(b"Qzabcd" not in file.read_bytes() for file in archived(web))
    # Under which UID it is held is told to nobody who may only store.
    assert archived(web)[0].stem not in answered.text


def test_an_answer_comes_for_each_instance(web: Web) -> None:
    good, other = files(2)
    secret = part10(minimal(SOPInstanceUID=f"{ROOT}.4.7", PatientID=""))
    answered = web.post(multipart(good, secret, b"rubbish", other))
    assert (answered.status_code, answered.headers["Content-Type"]) == (202, "application/dicom+json")
    answer = Dataset.from_json(answered.json())
    assert set(uids(answer, "ReferencedSOPSequence")) == {f"{ROOT}.4.1", f"{ROOT}.4.2"}
    assert uids(answer, "FailedSOPSequence") == {f"{ROOT}.4.7": 0xA900}
    assert [item.FailureReason for item in answer[0x0008119A].value] == [0xC000]
    assert len(web.app.quarantine.list()) == 1


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_what_has_no_uids_is_kept_nowhere_and_stands_with_what_is_no_file(web: Web) -> None:
    answered = web.post(multipart(part10(minimal(SOPInstanceUID="no uid")), b"rubbish"))
    others = Dataset.from_json(answered.json())[0x0008119A].value
    assert sorted(item.FailureReason for item in others) == [0xA900, 0xC000]
    assert web.app.quarantine.list() == []


def test_nothing_stored_is_a_conflict(web: Web) -> None:
    answered = web.post(multipart(part10(minimal(PatientID=""))))
    assert answered.status_code == 409
    assert archived(web) == []


def test_what_can_be_sent_again_later_says_so(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.app.intake, "_reserve", 2**62)
    answered = web.post(multipart(*files(2)))
    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "60")
    assert set(uids(Dataset.from_json(answered.json()), "FailedSOPSequence").values()) == {0xA700}


def test_a_study_in_the_path_must_be_the_one_of_the_instances(web: Web) -> None:
    mine, other = (
        part10(minimal()),
        part10(
            minimal(
                SOPInstanceUID=f"{ROOT}.4.9", StudyInstanceUID=f"{ROOT}.2.9", SeriesInstanceUID=f"{ROOT}.3.9"
            )
        ),
    )
    answered = web.post(multipart(mine, other), f"/studies/{ROOT}.2.1")
    assert answered.status_code == 202
    assert uids(Dataset.from_json(answered.json()), "FailedSOPSequence") == {f"{ROOT}.4.9": 0xA900}
    assert len(archived(web)) == 1
    assert web.app.quarantine.list() == []


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_the_study_is_found_in_every_transfer_syntax(web: Web, syntax: str) -> None:
    body = multipart(part10(minimal(), syntax))
    assert web.post(body, f"/studies/{ROOT}.2.9").status_code == 409
    assert web.post(body, f"/studies/{ROOT}.2.1").status_code == 200


def test_a_second_time_is_harmless(web: Web) -> None:
    body = multipart(*files(2))
    assert [web.post(body).status_code for _ in range(2)] == [200, 200]
    assert len(archived(web)) == 2


def test_the_token_says_whose_studies_they_are(web: Web) -> None:
    web.post(multipart(part10(minimal(PatientID=""))))
    (held,) = web.app.quarantine.list()
    assert (held.project, held.calling_ae) == ("lungs", "scanner")


def test_a_basic_password_is_a_token_too(web: Web) -> None:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
    body = multipart(*files(1))
    for password, status in ((web.store, 200), ("wrong", 401)):
        answered = requests.post(
            f"{web.url}/studies", body, auth=("anybody", password), headers=headers, timeout=300
        )
        assert answered.status_code == status


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer x", "Basic", "Basic ???", "Digest x", "Bearer ror_" + "A" * 43]
)
def test_nobody_comes_in_without_a_token(web: Web, shown: str) -> None:
    for method, path in (
        ("POST", "/studies"),
        ("GET", "/studies"),
        ("GET", "/nothing"),
        ("DELETE", "/studies"),
    ):
        answered = requests.request(method, web.url + path, headers={"Authorization": shown}, timeout=300)
        assert answered.status_code == 401
        assert "Bearer" in answered.headers["WWW-Authenticate"]


def test_a_token_does_what_it_may_and_nothing_else(web: Web) -> None:
    answered = web.post(multipart(*files(1)), Authorization=f"Bearer {web.read}")
    assert (answered.status_code, archived(web)) == (403, [])
    assert web.get("/studies", token=web.store).status_code == 403


def test_a_token_that_is_removed_opens_nothing_from_the_next_request_on(web: Web) -> None:
    web.app.tokens.remove("scanner")
    assert web.post(multipart(*files(1))).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({"Content-Type": "application/json"}, 415, "send multipart/related"),
        (
            {"Content-Type": 'multipart/related; type="application/dicom+xml"; boundary=B'},
            415,
            "send multipart",
        ),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, 400, "boundary"),
        ({"Content-Type": 'multipart/related; type="application/dicom"; boundary="a{b"'}, 400, "boundary"),
        ({"Content-Type": "nonsense"}, 400, "media type"),
        ({"Content_Encoding": "gzip"}, 415, "Content-Encoding"),
        ({"Accept": "application/dicom+xml"}, 406, "application/dicom+json"),
    ],
)
def test_what_cannot_be_taken_is_told(web: Web, headers: dict[str, str], status: int, told: str) -> None:
    answered = web.post(multipart(*files(1)), **headers)
    assert (answered.status_code, told in answered.text) == (status, True)
    assert archived(web) == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "ends before"),
        (b"--B--\r\n", 400, "no part"),
        (b"rubbish", 400, "ends before"),
        (b"x" * 70_000, 400, "does not begin"),
        (b"--B\r\n\r\nfile\r\n--B--", 400, "no Content-Type"),
        (b"--B\r\nContent-Type application/dicom\r\n\r\nfile\r\n--B--", 400, "name: value"),
        (b"--B\r\nContent-Type: image/png\r\n\r\nfile\r\n--B--", 415, "not application/dicom"),
        (
            b"--B\r\nContent-Type: application/dicom\r\nContent-Encoding: gzip\r\n\r\nx\r\n--B--",
            415,
            "Encoding",
        ),
        (b"--B\r\nX: " + b"y" * 9000 + b"\r\n\r\nfile\r\n--B--", 431, "8192"),
        (b"--Bx\r\n\r\nfile\r\n--B--", 400, "goes on otherwise"),
        (b"--B" + b" " * 300, 400, "does not end"),
        (multipart(b"x" * (2**20 + 3)), 413, "1048576 bytes"),
    ],
)
def test_a_body_that_is_none_is_told_why(web: Web, body: bytes, status: int, told: str) -> None:
    answered = web.post(body)
    assert (answered.status_code, told in answered.text) == (status, True), answered.text


def test_a_body_that_breaks_off_is_told_and_what_came_whole_is_kept(web: Web) -> None:
    one, two = files(2)
    whole = multipart(one, two)
    answered = web.post(whole[: len(whole) - 100])
    assert (answered.status_code, "closing delimiter" in answered.text) == (400, True)
    assert len(archived(web)) == 1


def test_what_was_answered_is_in_the_index_as_another_process_sees_it(web: Web) -> None:
    web.post(multipart(*files(2)))
    with sqlite3.connect(web.app.home.root / "ror.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM instances").fetchone() == (2,)
