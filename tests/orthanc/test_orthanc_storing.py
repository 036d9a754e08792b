"""Storing by STOW-RS and asking for what is held: a real Orthanc, and servers that answer as the standard lets them."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    JPEG2000Lossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt

import orthanc
from orthanc import DicomWeb, NotSendable, OrthancServer, Peer, PeerRefused, PeerUnavailable, Tls
from orthanc.multipart import boundary_of, parts
from orthanc.part10 import Part10File
from orthanc.stow import StowBody, batches
from tests.orthanc.test_orthanc_pacs import image

Answer = tuple[int, object]


def series_of(path: Path) -> tuple[str, str]:
    dataset = dcmread(path)
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID


# -- a real Orthanc ---------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
def test_files_are_stored_byte_for_byte_by_stow(orthanc_web: OrthancServer, tmp_path: Path) -> None:
    files = [
        image(tmp_path),
        image(tmp_path, SecondaryCaptureImageStorage),
        image(tmp_path, syntax=JPEG2000Lossless),
    ]
    with DicomWeb(f"{orthanc_web.rest.url}/dicom-web") as web:
        for _ in range(2):  # once more changes nothing
            report = web.send(files)
            assert [one.path for one in report.stored] == files
    held = [orthanc_web.rest.file(path.stem) for path in files]
    assert held == [path.read_bytes() for path in files]


@pytest.mark.orthanc
def test_more_files_than_one_request_takes_are_stored(
    orthanc_web: OrthancServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthanc.stow.MOST_FILES", 2)
    files = [image(tmp_path) for _ in range(5)]
    with DicomWeb(f"{orthanc_web.rest.url}/dicom-web") as web:
        assert len(web.send(files).stored) == 5
    assert set(orthanc_web.rest.instances()) == {path.stem for path in files}


@pytest.mark.orthanc
def test_what_is_held_of_a_series_is_told_by_qido_and_c_find_alike(
    orthanc_web: OrthancServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthanc.dicomweb._PAGE", 2)
    files = [image(tmp_path, patient="ONE") for _ in range(5)]
    other = image(tmp_path, patient="TWO")
    orthanc.send(orthanc_web.peer, [*files, other])
    one, two = series_of(files[0]), series_of(other)
    nowhere = ("1.2.3", "1.2.3.4")
    expected = {path.stem for path in files}
    with DicomWeb(f"{orthanc_web.rest.url}/dicom-web") as web:
        for find in (web.find_instances, lambda series: orthanc.find_instances(orthanc_web.peer, series)):
            assert find([one]) == expected
            assert find([one, two]) == expected | {other.stem}
            assert find([nowhere, two]) == {other.stem}
            assert find([nowhere]) == frozenset()
    with (
        DicomWeb(f"{orthanc_web.rest.url}/dicom-web-elsewhere") as mistyped,
        pytest.raises(PeerRefused, match="answers 404"),
    ):
        mistyped.find_instances([one])


def test_a_peer_without_c_find_refuses_to_tell() -> None:
    entity = AE("STORE")
    entity.add_supported_context(CTImageStorage)
    running = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        with pytest.raises(PeerRefused, match="offers us no C-FIND: it accepts none"):
            orthanc.find_instances(Peer("STORE", *running.socket.getsockname()), [("1.2", "1.3")])
    finally:
        running.shutdown()


# -- what is sent -----------------------------------------------------------------------------------------------------


@given(contents=st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_a_body_is_as_long_as_it_says_and_reads_back(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("body")
    files = []
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
        files.append(Part10File(folder / str(number), "1.2", f"1.{number}", "1.3"))
    body = StowBody(files)
    sent = b"".join(body)
    assert len(sent) == len(body)
    boundary = boundary_of(body.content_type)
    assert boundary is not None
    assert [b"".join(pieces) for pieces in parts([sent], boundary)] == contents


def test_requests_are_bounded_by_number_and_by_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthanc.stow.MOST_FILES", 3)
    monkeypatch.setattr("orthanc.stow.MOST_BYTES", 100)
    files = []
    for number, length in enumerate((10, 10, 10, 10, 90, 200, 1)):
        (tmp_path / str(number)).write_bytes(bytes(length))
        files.append(Part10File(tmp_path / str(number), "1.2", f"1.{number}", "1.3"))
    lengths = [[file.path.stat().st_size for file in batch] for batch in batches(files)]
    assert lengths == [[10, 10, 10], [10, 90], [200], [1]]


def test_a_file_that_becomes_shorter_while_it_is_sent_is_told(tmp_path: Path) -> None:
    path = image(tmp_path)
    body = StowBody([Part10File.read(path)])
    path.write_bytes(b"")
    with pytest.raises(NotSendable, match="shorter"):
        b"".join(body)


# -- what is answered -------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A server that answers a STOW-RS request by the UIDs in it; `requests` are those of each request."""

    answer: Callable[[Sequence[str]], Answer]
    url: str = ""
    requests: list[list[str]] = field(default_factory=list)


@contextmanager
def scripted(
    answer: Callable[[Sequence[str]], Answer], context: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    script = Scripted(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is the base class's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            boundary = boundary_of(self.headers["Content-Type"])
            assert boundary is not None
            uids = [_uid_in(b"".join(pieces)) for pieces in parts([body], boundary)]
            script.requests.append(uids)
            status, said = script.answer(uids)
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Tests tell what they need."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        script.url = f"http{'s' if context else ''}://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()


def _uid_in(part: bytes) -> str:
    """The SOPInstanceUID of the file meta information: explicit VR little endian, (0002,0003) UI."""
    at = part.index(b"\x02\x00\x03\x00UI") + 6
    length = int.from_bytes(part[at : at + 2], "little")
    return part[at + 2 : at + 2 + length].rstrip(b"\0").decode()


def stored_and_failed(stored: Sequence[str], failed: dict[str, int]) -> dict[str, object]:
    def uid(value: str) -> dict[str, object]:
        return {"00081155": {"vr": "UI", "Value": [value]}}

    reasons = [uid(one) | {"00081197": {"vr": "US", "Value": [code]}} for one, code in failed.items()]
    return {
        "00081199": {"vr": "SQ", "Value": [uid(one) for one in stored]},
        "00081198": {"vr": "SQ", "Value": reasons},
    }


def test_what_is_refused_is_told_with_its_reason_and_the_rest_is_stored(tmp_path: Path) -> None:
    good, bad = image(tmp_path), image(tmp_path, SecondaryCaptureImageStorage)
    answer = (202, stored_and_failed([good.stem], {bad.stem: 0x0122}))
    with (
        scripted(lambda _: answer) as server,
        DicomWeb(server.url) as web,
        pytest.raises(
            PeerRefused, match=r"refused 1 of 2 files: Secondary .*: SOP class not supported"
        ) as error,
    ):
        web.send([good, bad])
    assert [one.sop_instance_uid for one in error.value.report.stored] == [good.stem]
    assert [(one.path, one.status) for one in error.value.report.refused] == [(bad, 0x0122)]


def test_a_server_without_room_is_asked_later_and_what_it_took_is_known(tmp_path: Path) -> None:
    good, bad = image(tmp_path), image(tmp_path)
    answer = (202, stored_and_failed([good.stem], {bad.stem: 0xA700}))
    with (
        scripted(lambda _: answer) as server,
        DicomWeb(server.url) as web,
        pytest.raises(PeerUnavailable, match="cannot store 1 of 2 objects now") as error,
    ):
        web.send([good, bad])
    assert [one.sop_instance_uid for one in error.value.report.stored] == [good.stem]


def test_what_is_held_already_counts_as_stored(tmp_path: Path) -> None:
    path = image(tmp_path)
    with (
        scripted(lambda uids: (409, stored_and_failed([], dict.fromkeys(uids, 0x0111)))) as server,
        DicomWeb(server.url) as web,
    ):
        assert len(web.send([path]).stored) == 1


@pytest.mark.parametrize("said", [{}, b"", b"<xml/>", [], {"00081199": {"vr": "SQ"}}])
def test_success_that_names_no_object_is_of_all(tmp_path: Path, said: object) -> None:
    with scripted(lambda _: (200, said)) as server, DicomWeb(server.url) as web:
        assert len(web.send([image(tmp_path), image(tmp_path)]).stored) == 2


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (202, PeerUnavailable, "does not say what became of 2 of 2 objects"),
        (409, PeerRefused, "answers 409 to 2 objects and does not say why"),
        (403, PeerRefused, "answers 403"),
        (503, PeerUnavailable, "answers 503"),
    ],
)
def test_other_answers_are_no_success(tmp_path: Path, status: int, error: type[Exception], told: str) -> None:
    with (
        scripted(lambda _: (status, {})) as server,
        DicomWeb(server.url) as web,
        pytest.raises(error, match=told),
    ):
        web.send([image(tmp_path), image(tmp_path)])


def test_an_object_of_which_nothing_is_said_is_not_stored(tmp_path: Path) -> None:
    one, other = image(tmp_path), image(tmp_path)
    with (
        scripted(lambda _: (200, stored_and_failed([one.stem], {}))) as server,
        DicomWeb(server.url) as web,
        pytest.raises(PeerUnavailable, match="what became of 1 of 2") as error,
    ):
        web.send([one, other])
    assert [file.sop_instance_uid for file in error.value.report.stored] == [one.stem]


@pytest.mark.parametrize("status", [400, 413])
def test_one_object_that_spoils_a_request_does_not_keep_the_others_out(tmp_path: Path, status: int) -> None:
    files = [image(tmp_path) for _ in range(5)]
    bad = files[3].stem

    def answer(uids: Sequence[str]) -> Answer:
        return (status, {"00081198": {"vr": "SQ"}}) if bad in uids else (200, stored_and_failed(uids, {}))

    with (
        scripted(answer) as server,
        DicomWeb(server.url) as web,
        pytest.raises(PeerRefused, match=r"refused 1 of 5 files: CT .*: it cannot be understood") as error,
    ):
        web.send(files)
    assert {one.sop_instance_uid for one in error.value.report.stored} == {
        path.stem for path in files if path.stem != bad
    }


def test_what_was_stored_before_a_server_went_away_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthanc.stow.MOST_FILES", 1)
    files = [image(tmp_path) for _ in range(3)]
    with (
        scripted(lambda uids: (503 if uids == [files[1].stem] else 200, {})) as server,
        DicomWeb(server.url) as web,
        pytest.raises(PeerUnavailable) as error,
    ):
        web.send(files)
    assert [one.path for one in error.value.report.stored] == files[:1]
    assert server.requests == [[files[0].stem], [files[1].stem]]


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates that have signed themselves, each with its key in its file: of the server, ours, a stranger's."""
    folder = tmp_path_factory.mktemp("pem")
    for name in ("server", "ours", "stranger"):
        words = (
            f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.crt"
        )
        words += " -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        command = ["/usr/bin/openssl", *words.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        both = (folder / f"{name}.key").read_bytes() + (folder / f"{name}.crt").read_bytes()
        (folder / f"{name}.pem").write_bytes(both)
    return folder


@pytest.fixture
def server_context(pem: Path) -> ssl.SSLContext:
    """Of a server that lets only our certificate in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem / "server.pem")
    context.load_verify_locations(pem / "ours.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def faults_of_tls(pem: Path) -> list[tuple[Tls | None, type[Exception]]]:
    return [
        (None, PeerUnavailable),
        (Tls(pem / "stranger.crt", pem / "ours.pem"), PeerUnavailable),
        (Tls(pem / "server.crt"), PeerUnavailable),
        (Tls(pem / "server.crt", pem / "stranger.pem"), PeerUnavailable),
        (Tls(pem / "nowhere.crt", pem / "ours.pem"), PeerRefused),
        (Tls(pem / "server.crt", pem / "ours.crt"), PeerRefused),  # the key is not in it
    ]


def test_objects_go_by_tls_with_our_certificate_to_the_peer_that_we_trust(
    pem: Path, server_context: ssl.SSLContext, tmp_path: Path
) -> None:
    entity, taken = AE("SAFE"), []
    entity.add_supported_context(CTImageStorage)
    entity.add_supported_context("1.2.840.10008.1.1")
    handlers = [(evt.EVT_C_STORE, lambda event: taken.append(event.request.AffectedSOPInstanceUID) or 0)]
    running = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=server_context
    )
    path = image(tmp_path)
    try:
        address = running.socket.getsockname()
        for tls in (Tls(pem / "server.crt", pem / "ours.pem"),
                    Tls(pem / "server.crt", pem / "ours.crt", pem / "ours.key")):  # fmt: skip
            orthanc.send(Peer("SAFE", *address, tls=tls), [path])
        assert taken == [path.stem, path.stem]
        for tls, error in faults_of_tls(pem):
            with pytest.raises(error):
                orthanc.send(Peer("SAFE", *address, tls=tls), [path], timeout_seconds=5)
        assert len(taken) == 2
    finally:
        running.shutdown()


def test_dicomweb_goes_by_tls_with_our_certificate_to_the_server_that_we_trust(
    pem: Path, server_context: ssl.SSLContext, tmp_path: Path
) -> None:
    path = image(tmp_path)
    with scripted(lambda _: (200, {}), server_context) as server:
        for tls in (Tls(pem / "server.crt", pem / "ours.pem"),
                    Tls(pem / "server.crt", pem / "ours.crt", pem / "ours.key")):  # fmt: skip
            with DicomWeb(server.url, tls=tls) as web:
                assert len(web.send([path]).stored) == 1
        for tls, error in faults_of_tls(pem):
            with DicomWeb(server.url, tls=tls, timeout_seconds=5) as web, pytest.raises(error):
                web.send([path])
        assert len(server.requests) == 2


def test_which_file_of_tls_cannot_be_used_is_told(pem: Path, tmp_path: Path) -> None:
    junk, none = tmp_path / "junk.pem", tmp_path / "none.pem"
    junk.write_text("no PEM")
    ours, key, server = pem / "ours.crt", pem / "ours.key", pem / "server.crt"
    for files, what, file in (
        ((none, ours, key), "ca", none),
        ((junk, ours, key), "ca", junk),
        ((server, none, None), "certificate", none),
        ((server, junk, None), "certificate", junk),
        ((server, ours, none), "key", none),
        ((server, ours, pem / "stranger.key"), "certificate", ours),
        ((server, ours, None), "certificate", ours),
    ):
        fault = Tls(*files).fault()
        assert fault is not None
        assert (fault.what, fault.file) == (what, file)
        with pytest.raises(PeerRefused, match=re.escape(f"{what} {file}")):
            Tls(*files).context()
    assert Tls(server, ours, key).fault() is None
    assert Tls(None, pem / "ours.pem").fault() is None


def test_a_key_with_a_password_is_not_asked_for_on_the_terminal(pem: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    words = f"pkey -in {pem / 'ours.key'} -aes256 -passout pass:word -out {locked}"
    subprocess.run(["/usr/bin/openssl", *words.split()], check=True, capture_output=True)
    fault = Tls(pem / "server.crt", pem / "ours.crt", locked).fault()
    assert fault is not None
    assert "without a password" in fault.why
