"""Asking a real Orthanc and fetching from it: C-FIND, C-GET, C-MOVE, QIDO-RS, WADO-RS and the change feed."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt

import orthanc
from orthanc import (
    DicomWeb,
    FoundStudy,
    OrthancServer,
    Peer,
    PeerRefused,
    PeerUnavailable,
    Query,
    QueryError,
    RetrievedObject,
)
from orthanc.multipart import Truncated, boundary_of, parts
from tests.orthanc.test_orthanc_pacs import image
from tests.support.pacs import emptied

SUCCESS = 0x0000


@pytest.fixture
def server(orthanc_pacs: OrthancServer) -> OrthancServer:
    return orthanc_pacs


@pytest.fixture
def web(orthanc_web: OrthancServer) -> Iterator[DicomWeb]:
    with DicomWeb(f"{orthanc_web.rest.url}/dicom-web") as client:
        yield client


def stored(server: OrthancServer, folder: Path, patient: str, number: int = 2) -> FoundStudy:
    """A study of a patient, as it is found again."""
    orthanc.send(server.peer, [image(folder, patient=patient) for _ in range(number)])
    (study,) = orthanc.find_studies(server.peer, Query.parse(f"PatientID={patient}"))
    return study


# -- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no attribute"),
        ("4711", "4711 is no KEYWORD=VALUE"),
        ("PatientID=", "has no value to match"),
        ("Patient=4711", "Patient is no attribute"),
        ("PixelData=1", "PixelData is no attribute"),
        ("ReferencedStudySequence=1", "is no attribute"),
        ("PatientID=1 PatientID=2", "is given twice"),
        ("StudyDate=2024-01-01", "is no date"),
        ("StudyDate=January", "is no date"),
        ("PatientID='1", "quotation mark"),
    ],
)
def test_a_query_that_cannot_be_asked_is_told(text: str, told: str) -> None:
    with pytest.raises(QueryError, match=told) as error:
        Query.parse(text)
    assert "KEYWORD=VALUE" in error.value.advice


def test_no_fault_and_no_text_of_a_query_quotes_a_value() -> None:
    with pytest.raises(QueryError) as error:
        Query.parse("StudyDate=QZSECRET")
    assert "QZSECRET" not in str(error.value)
    assert "QZSECRET" not in repr(Query.parse("PatientID=QZSECRET"))


@pytest.mark.parametrize(
    ("text", "said", "fits"),
    [
        ("PatientID=4711", ["4711 "], True),
        ("PatientID=4711", ["47112"], False),
        ("PatientID=47*", ["4711"], True),
        ("PatientID=471?", ["4711"], True),
        ("PatientID=4.11", ["4711"], False),
        ("StudyDate=20240101-20240131", ["20240131"], True),
        ("StudyDate=20240101-20240131", ["20240201"], False),
        ("StudyDate=20240101-", ["20990101"], True),
        ("StudyDate=-20240101", ["20240102"], False),
        ("StudyDate=20240101-", [""], False),
        ("ModalitiesInStudy=MR", ["CT", "MR"], True),
        ("ModalitiesInStudy=MR", ["CT"], False),
        ("PatientName=MEIER", ["Meyer^A"], True),
    ],
)
def test_what_a_peer_says_is_looked_at_again(text: str, said: list[str], fits: bool) -> None:
    (keyword,) = Query.parse(text).keys
    assert Query.parse(text).fits({keyword: said}) == fits


# -- DIMSE ------------------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
def test_studies_are_found_with_the_number_of_their_objects(server: OrthancServer, tmp_path: Path) -> None:
    study = stored(server, tmp_path, "FOUND", 3)
    stored(server, tmp_path, "OTHER")
    assert (study.instances, study.modalities) == (3, ("CT",))
    assert orthanc.find_studies(server.peer, Query.parse("PatientID=FOUND ModalitiesInStudy=MR")) == ()
    assert len(orthanc.find_studies(server.peer, Query.parse("PatientID=*"))) == 2


@pytest.mark.orthanc
def test_a_study_comes_by_c_get_byte_for_byte(server: OrthancServer, tmp_path: Path) -> None:
    files = [
        image(tmp_path, patient="GET"),
        image(tmp_path, SecondaryCaptureImageStorage, patient="GET"),
        image(tmp_path, syntax=ImplicitVRLittleEndian, patient="GET"),
        image(tmp_path, syntax=JPEG2000Lossless, patient="GET"),
    ]
    orthanc.send(server.peer, files)
    (study,) = orthanc.find_studies(server.peer, Query.parse("PatientID=GET"))
    came: list[RetrievedObject] = []

    def take(one: RetrievedObject) -> int:
        came.append(one)
        return SUCCESS

    retrieved = orthanc.get_study(server.peer, study, take)
    assert (retrieved.sent, retrieved.failed, len(came)) == (4, 0, 4)
    assert {one.transfer_syntax_uid for one in came} == {
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        JPEG2000Lossless,
    }
    for one in came:
        assert (tmp_path / f"{one.sop_instance_uid}.dcm").read_bytes().endswith(one.data)


@pytest.mark.orthanc
def test_what_is_not_taken_is_counted_by_the_peer(server: OrthancServer, tmp_path: Path) -> None:
    study = stored(server, tmp_path, "REFUSED", 3)
    answers = iter([SUCCESS, 0xC000, SUCCESS])
    retrieved = orthanc.get_study(server.peer, study, lambda _one: next(answers))
    assert (retrieved.sent, retrieved.failed) == (2, 1)


@pytest.mark.orthanc
def test_what_taking_raises_ends_the_retrieval_and_is_raised(server: OrthancServer, tmp_path: Path) -> None:
    study, came = stored(server, tmp_path, "RAISED", 8), []

    def take(one: RetrievedObject) -> int:
        came.append(one)
        raise InterruptedError("no more")

    with pytest.raises(InterruptedError, match="no more"):
        orthanc.get_study(server.peer, study, take)
    assert 1 <= len(came) < 8


@pytest.mark.orthanc
def test_a_peer_that_does_not_know_where_to_move_to_refuses(server: OrthancServer, tmp_path: Path) -> None:
    study = stored(server, tmp_path, "MOVE")
    with pytest.raises((PeerRefused, PeerUnavailable)):
        orthanc.move_study(server.peer, study, "NOWHERE")


@pytest.mark.orthanc
def test_nobody_there_means_later(server: OrthancServer) -> None:
    nobody = Peer("NOBODY", "127.0.0.1", orthanc.free_port())
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        orthanc.find_studies(nobody, Query.parse("PatientID=1"))
    with pytest.raises(PeerUnavailable, match="does not answer: ConnectionError"):
        DicomWeb(f"http://127.0.0.1:{nobody.port}").find_studies(Query.parse("PatientID=QZ4711"))


def test_a_peer_that_ignores_a_key_is_not_believed() -> None:
    """It would give the studies of everybody; the standard lets it (PS3.4 C.2.2.1)."""

    def answer(_event):
        found = Dataset()
        found.StudyInstanceUID, found.PatientID = "1.2", "4711"
        yield 0xFF00, found

    entity = AE("IGNORES")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.2.2.1")
    running = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)])
    peer = Peer("IGNORES", "127.0.0.1", running.socket.getsockname()[1])
    try:
        with pytest.raises(PeerRefused, match="does not answer for ModalitiesInStudy: leave it out"):
            orthanc.find_studies(peer, Query.parse("PatientID=4711 ModalitiesInStudy=MR"))
        (study,) = orthanc.find_studies(peer, Query.parse("PatientID=4711"))
        assert study == FoundStudy("1.2")
        assert orthanc.find_studies(peer, Query.parse("PatientID=4712")) == ()
        with pytest.raises(PeerRefused):
            orthanc.get_study(peer, study, lambda _one: SUCCESS)
    finally:
        running.shutdown()


# -- DICOMweb ---------------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
def test_a_study_is_found_and_fetched_over_the_web(
    orthanc_web: OrthancServer, web: DicomWeb, tmp_path: Path
) -> None:
    files = [image(tmp_path, CTImageStorage, patient="WEB") for _ in range(3)]
    orthanc.send(orthanc_web.peer, files)
    stored(orthanc_web, tmp_path, "OTHER")
    (study,) = web.find_studies(Query.parse("PatientID=WEB ModalitiesInStudy=CT"))
    assert study.instances == 3
    came: list[bytes] = []
    assert web.get_study(study, came.append) == 3
    assert {data[-8:] for data in came} == {bytes(8)}
    assert all(data[128:132] == b"DICM" for data in came)
    assert len(web.find_studies(Query.parse("PatientID=*"))) == 2


@pytest.mark.orthanc
def test_a_series_or_one_of_its_instances_comes_in_pieces(
    orthanc_web: OrthancServer, web: DicomWeb, tmp_path: Path
) -> None:
    first, second = (dcmread(image(tmp_path, patient="PIECES")) for _ in range(2))
    orthanc.send(orthanc_web.peer, sorted(tmp_path.iterdir()))
    came: list[str] = []

    def take(pieces: Iterator[bytes]) -> None:
        came.append(dcmread(BytesIO(b"".join(pieces))).SOPInstanceUID)

    series = (first.StudyInstanceUID, first.SeriesInstanceUID)
    assert web.get_series(*series, take) == 2
    assert sorted(came) == sorted([first.SOPInstanceUID, second.SOPInstanceUID])
    assert web.get_series(*series, take, first.SOPInstanceUID) == 1
    assert came[2:] == [first.SOPInstanceUID]


@pytest.mark.orthanc
def test_a_web_server_that_says_no_is_told_with_its_status(orthanc_web: OrthancServer) -> None:
    with (
        DicomWeb(f"{orthanc_web.rest.url}/no-such-service") as client,
        pytest.raises(PeerRefused, match="404"),
    ):
        client.find_studies(Query.parse("PatientID=WEB"))


BODIES = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


@given(bodies=BODIES, size=st.integers(1, 60), cut=st.integers(1, 30))
def test_parts_come_out_as_they_went_in_however_the_body_is_chopped(
    bodies: list[bytes], size: int, cut: int
) -> None:
    boundary = b"a-boundary-that-no-part-has"
    whole = b"".join(
        b"\r\n--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + body for body in bodies
    )
    whole = whole.removeprefix(b"\r\n") + b"\r\n--" + boundary + b"--\r\n"

    def chunks(data: bytes) -> list[bytes]:
        return [data[at : at + size] for at in range(0, len(data), size)]

    assert [b"".join(pieces) for pieces in parts(chunks(whole), boundary)] == bodies
    # What of a part is left untaken is not taken for the next.
    assert [next(pieces, b"")[:0] for pieces in parts(chunks(whole), boundary)] == [b""] * len(bodies)
    with pytest.raises(Truncated):
        list(map(list, parts(chunks(whole[: -4 - cut]), boundary)))


def test_a_boundary_is_read_with_and_without_quotation_marks() -> None:
    assert boundary_of('multipart/related; type="application/dicom"; boundary="x y"') == b"x y"
    assert boundary_of("Multipart/Related; boundary=xy; type=a") == b"xy"
    assert boundary_of("application/json") is None


# -- the change feed --------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
def test_the_change_feed_is_read_page_by_page(server: OrthancServer, tmp_path: Path) -> None:
    start = server.rest.last_change()
    stored(server, tmp_path, "CHANGED", 3)
    page = server.rest.changes(start, limit=2)
    assert (len(page.changes), page.more) == (2, True)
    rest = server.rest.changes(page.last)
    kinds = [one.kind for one in (*page.changes, *rest.changes)]
    assert kinds.count("NewInstance") == 3
    assert "NewStudy" in kinds
    assert server.rest.changes(server.rest.last_change()).changes == ()


@pytest.mark.orthanc
def test_what_is_gone_gives_no_files(server: OrthancServer, tmp_path: Path) -> None:
    stored(server, tmp_path, "GONE", 3)
    (name,) = {
        one.orthanc_id for one in server.rest.changes(0, 1000).changes if one.kind == "NewStudy"
    } & set(server.rest._json("GET", "/studies"))
    assert len(list(server.rest.study_files(name))) == 3
    emptied(server)
    assert list(server.rest.study_files(name)) == []
