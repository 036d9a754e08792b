"""What a client can send that is no honest request: none of it holds the service, and none costs it memory."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror.web.errors import Refusal
from ror.web.media import MediaType, accepted
from ror.web.multipart import PartLimits, PartReader
from tests.anonymizer.planted import minimal, part10
from tests.web.conftest import Web, multipart

_PATIENCE_SECONDS = 60.0  # the service has 2


@contextmanager
def connected(web: Web) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", web.port), timeout=_PATIENCE_SECONDS)) as peer:
        yield peer


def answer(peer: socket.socket) -> bytes:
    """All that comes until the service closes."""
    pieces = []
    try:
        while piece := peer.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass  # closed while we were still sending
    return b"".join(pieces)


def head(web: Web, *lines: str) -> bytes:
    said = [
        "POST /dicom-web/studies HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {web.store}",
        'Content-Type: multipart/related; type="application/dicom"; boundary=B',
        *lines,
    ]
    return "\r\n".join(said).encode() + b"\r\n\r\n"


def resident_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def still_serves(web: Web) -> bool:
    return web.post(multipart(part10(minimal()))).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100,
        b"\0" * 1000,
    ],
    ids=["nothing", "tls", "half a head", "a long header", "headers without end", "zeros"],
)
def test_a_head_that_does_not_come_is_not_waited_for(web: Web, sent: bytes) -> None:
    with connected(web) as peer:
        peer.sendall(sent)
        assert answer(peer)[:12] in (b"", b"HTTP/1.1 400")
    assert still_serves(web)


def test_a_head_that_drips_is_not_waited_for(web: Web) -> None:
    with connected(web) as peer:
        peer.settimeout(0.2)
        peer.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(100):
            try:
                peer.sendall(b"X: y\r\n")
                if peer.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("the service waits for every byte anew")


def test_a_body_that_does_not_come_is_not_waited_for(web: Web) -> None:
    with connected(web) as peer:
        peer.sendall(head(web, "Content-Length: 1000000") + multipart(part10(minimal()))[:-20])
        said = answer(peer)
    assert said.startswith(b"HTTP/1.1 408") and b"connection: close" in said.lower()
    assert still_serves(web)


def test_who_only_connects_keeps_nobody_out(web: Web) -> None:
    peers = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(300)]
    try:
        assert still_serves(web)
    finally:
        for peer in peers:
            peer.close()


def test_a_part_without_end_costs_no_more_than_a_part_may_have(web: Web) -> None:
    assert still_serves(web)
    before = resident_mib()
    with connected(web) as peer:
        piece = b"x" * 2**20
        try:
            peer.sendall(head(web, "Transfer-Encoding: chunked"))
            start = b"--B\r\nContent-Type: application/dicom\r\n\r\n"
            peer.sendall(b"%x\r\n%b\r\n" % (len(start), start))
            for _ in range(200):
                peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused, and closed
        said = answer(peer)
    assert said == b"" or said.startswith(b"HTTP/1.1 413")
    assert resident_mib() - before < 64
    assert still_serves(web)


def test_nobody_without_a_token_is_listened_to(web: Web) -> None:
    before = resident_mib()
    with connected(web) as peer:
        try:
            peer.sendall(head(web, "Content-Length: 209715200").replace(web.store.encode(), b"ror_no"))
            for _ in range(200):
                peer.sendall(bytes(2**20))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused, and closed
    assert resident_mib() - before < 64


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -5",),
        ("Content-Length: 5x",),
        ("Transfer-Encoding: gzip",),
    ],
)
def test_a_length_that_is_none_is_refused(web: Web, lines: tuple[str, ...]) -> None:
    with connected(web) as peer:
        peer.sendall(head(web, *lines))
        assert answer(peer).startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))


def test_more_parts_than_there_may_be_are_refused(web: Web) -> None:
    answered = web.post(multipart(*[b""] * 10_001))
    assert (answered.status_code, "10000 parts" in answered.text) == (413, True)


def test_too_many_requests_at_once_are_told_to_come_again(web: Web) -> None:
    peers = []
    try:
        for _ in range(40):
            peer = socket.create_connection(("127.0.0.1", web.port), timeout=_PATIENCE_SECONDS)
            peer.sendall(head(web, "Content-Length: 1000"))
            peers.append(peer)
        said = {answer(peer)[:12] for peer in peers}
    finally:
        for peer in peers:
            peer.close()
    assert said == {b"HTTP/1.1 408", b"HTTP/1.1 503"}
    assert still_serves(web)


# -- the readers alone, with whatever there is ------------------------------------------------------------------------

pieces = st.lists(
    st.sampled_from([b"\r\n", b"--", b"B", b"--B", b"\r\n--B", b"--B--", b":", b" ", b"a", b"\r", b"\n\0"])
)


@given(pieces, st.integers(1, 5))
def test_the_reader_says_what_is_wrong_whatever_comes(found: list[bytes], step: int) -> None:
    body, reader = b"".join(found), PartReader("B", PartLimits(10, 3))
    try:
        for at in range(0, len(body), step):
            for part in reader.feed(body[at : at + step]):
                assert b"\r\n--B" not in b"\r\n" + part.data
        reader.end()
    except Refusal as refusal:
        assert 400 <= refusal.status < 500


@given(st.lists(st.binary(max_size=40) | pieces.map(b"".join), min_size=1, max_size=5), st.integers(1, 60))
def test_parts_are_found_however_the_body_is_cut(data: list[bytes], step: int) -> None:
    sent = [one for one in data if b"\r\n--B" not in b"\r\n" + one]
    body = multipart(*sent)
    reader, found = PartReader("B", PartLimits(100, 10)), []
    for at in range(0, len(body), step):
        found += [part.data for part in reader.feed(body[at : at + step])]
    reader.end()
    assert found == sent


def test_a_part_that_drips_costs_no_more_than_it_brings() -> None:
    reader = PartReader("B", PartLimits(2**20, 1))
    list(reader.feed(b"--B\r\n\r\n"))
    tracemalloc.start()
    for _ in range(20_000):
        assert not list(reader.feed(b"x"))
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000  # twenty times less than an object for each would take


@given(st.text(max_size=60))
def test_a_media_type_is_read_or_refused(text: str) -> None:
    for read in (lambda: [MediaType.read(text)], lambda: list(accepted(text, None))):
        try:
            assert all("/" in one.name for one in read())
        except Refusal as refusal:
            assert refusal.status == 400
