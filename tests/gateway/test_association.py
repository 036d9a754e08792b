"""The association's own promises: what it answers, how it ends, and that no bytes bring it down."""

from __future__ import annotations

import itertools
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ror.config import ListenerSettings
from ror.errors import ConfigurationError
from ror.gateway import Answer, Listener, Received, Status
from ror.gateway.association import Offer
from ror.gateway.association.command import Command, CommandField, event_report
from ror.gateway.association.errors import PeerViolation
from ror.gateway.association.message import Assembly, Message
from ror.gateway.association.negotiation import Context, Requested
from ror.gateway.association.wire import fragments, p_data
from ror.gateway.spooled import SpooledData
from ror.registry import Admission, Sender
from tests.gateway.raw_peer import (
    ABORT,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    RawPeer,
    command,
    fragment,
    pdu,
    request,
    store,
)

OFFER = Offer()
DATA = b"\x08\0\x60\0CS\x02\0CT"


@dataclass
class Sink:
    """Takes everything in, unless a test has other plans."""

    plan: Callable[[Received], Answer] = field(default=lambda _received: Answer(Status.SUCCESS))
    came: list[Received] = field(default_factory=list)
    spool: Path = Path(tempfile.gettempdir())

    def receive(self, received: Received) -> Answer:
        self.came.append(
            replace(received, data=bytes(received.data))
        )  # a view is as it is until this answers
        return self.plan(received)

    def admit(self, _sender: Sender) -> Admission:
        return Admission.ADMITTED

    def flush(self) -> None:
        """Nothing waits here."""


@contextmanager
def listening(sink: Sink, **settings: Any) -> Iterator[Listener]:
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0, **settings), sink)  # type: ignore[arg-type]
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


# -- what is answered -------------------------------------------------------------------------------------------------


def test_an_object_comes_as_it_was_sent() -> None:
    sink = Sink()
    with listening(sink) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(store("1.2.3", DATA[:4], DATA[4:]))
        assert peer.status() == 0
    (one,) = sink.came
    assert (one.calling_ae, one.called_ae, one.data) == ("SCANNER", "ROR", DATA)
    assert (one.sop_class_uid, one.sop_instance_uid) == (CTImageStorage, "1.2.3")
    assert one.transfer_syntax_uid == ExplicitVRLittleEndian


def test_several_requests_in_one_packet_are_answered_in_their_order() -> None:
    sink = Sink()
    with listening(sink) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(*(store(f"1.2.{number}", DATA) for number in range(50)))
        assert [peer.status() for _ in range(50)] == [0] * 50
    assert [one.sop_instance_uid for one in sink.came] == [f"1.2.{number}" for number in range(50)]


def test_an_operation_that_is_not_known_is_said_to_be() -> None:
    with listening(Sink()) as listener, RawPeer.associated(listener.port) as peer:
        find = command(0x0020, data_set=True, sop_class=CTImageStorage)
        peer.send(fragment(find, is_command=True), fragment(DATA))
        assert peer.status() == 0x0211


def test_a_sop_class_that_is_not_the_one_of_its_context_is_refused() -> None:
    sink = Sink()
    with listening(sink) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(store("1.2.3", DATA, sop_class="1.2.840.10008.5.1.4.1.1.4"))
        assert peer.status() == 0x0122
    assert sink.came == []


def test_a_bug_met_in_one_object_does_not_keep_out_the_next(caplog: pytest.LogCaptureFixture) -> None:
    def plan(received: Received) -> Answer:
        if received.sop_instance_uid == "1.2.1":
            raise IndexError("QZSECRET")
        return Answer(Status.SUCCESS)

    with listening(Sink(plan)) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(store("1.2.1", DATA), store("1.2.2", DATA))
        assert [peer.status(), peer.status()] == [0xC000, 0]
    assert "IndexError" in caplog.text
    assert "QZSECRET" not in caplog.text


def test_a_release_is_answered() -> None:
    with listening(Sink()) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(pdu(RELEASE_RQ, bytes(4)))
        assert peer.receive()[0] == RELEASE_RP


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(version=2), b"\0\1\2\2"),
        (request().replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2"), b"\0\1\1\2"),
    ],
    ids=["another protocol version", "another application context"],
)
def test_a_request_that_cannot_be_met_is_rejected_with_the_reason(asked: bytes, reason: bytes) -> None:
    with listening(Sink()) as listener, RawPeer(listener.port) as peer:
        peer.send(asked)
        assert peer.receive() == (RJ, reason)


def test_explicit_vr_is_taken_where_the_sender_leaves_the_choice() -> None:
    both = request().replace(
        _syntax(ExplicitVRLittleEndian), _syntax(ImplicitVRLittleEndian) + _syntax(ExplicitVRLittleEndian)
    )
    # Lengths of what holds the syntaxes grow with them.
    grown = len(_syntax(ImplicitVRLittleEndian))
    for at in [i for i in range(74, len(both)) if both[i : i + 2] == b"\x20\0"]:
        length = struct.unpack_from(">H", both, at + 2)[0] + grown
        both = both[: at + 2] + struct.pack(">H", length) + both[at + 4 :]
    requested = Requested.of(both[6:])
    _pdu, contexts = OFFER.accept(requested)
    assert {one.transfer_syntax_uid for one in contexts.values()} == {
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    }
    assert contexts[1].transfer_syntax_uid == ExplicitVRLittleEndian


LONG = 9 * 2**20  # more than is kept in memory


def test_an_object_that_is_too_long_for_memory_waits_in_a_file_without_a_name(tmp_path: Path) -> None:
    def plan(received: Received) -> Answer:
        assert list(tmp_path.iterdir()) == []
        assert isinstance(received.data, SpooledData)
        whole.append((len(received.data), bytes(received.data), received.to_part10()))
        return Answer(Status.SUCCESS)

    whole: list[tuple[int, bytes, bytes]] = []
    data = bytes(range(256)) * (LONG // 256)
    pieces = [data[at : at + 65536] for at in range(0, LONG, 65536)]
    sink = Sink(plan, spool=tmp_path)
    with listening(sink) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(store("1.2.3", *pieces), store("1.2.4", DATA[:4], DATA[4:]))
        assert [peer.status(), peer.status()] == [0, 0xC000]  # the second is short: not what the plan wants
    ((length, came, file),) = whole
    assert (length, came) == (LONG, data)
    assert file == replace(sink.came[0], data=data).to_part10()


def test_an_object_that_the_disk_has_no_room_for_is_refused_and_the_next_one_is_taken(tmp_path: Path) -> None:
    pieces = [bytes(65536) for _ in range(LONG // 65536)]
    with (
        listening(Sink(spool=tmp_path), max_object_mib=2**20) as listener,
        RawPeer.associated(listener.port) as peer,
    ):
        peer.send(store("1.2.3", *pieces), store("1.2.4", DATA))
        assert [peer.status(), peer.status()] == [0xA700, 0]


# -- how it ends ------------------------------------------------------------------------------------------------------


def test_what_is_being_filed_when_the_service_stops_is_acknowledged() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def plan(_received: Received) -> Answer:
        begun.set()
        assert go_on.wait(60)
        return Answer(Status.SUCCESS)

    with listening(Sink(plan)) as listener, RawPeer.associated(listener.port) as peer:
        peer.send(store("1.2.3", DATA), store("1.2.4", DATA))
        assert begun.wait(60)
        stopping = threading.Thread(target=listener.stop)
        stopping.start()
        assert listener._stopping.wait(60)
        go_on.set()
        assert peer.status() == 0
        assert peer.ends() == ABORT  # the second is not acknowledged, and comes again
        stopping.join()


def test_who_only_listens_is_told_when_the_service_stops() -> None:
    with listening(Sink()) as listener, RawPeer.associated(listener.port) as peer:
        stopping = threading.Thread(target=listener.stop)
        stopping.start()
        assert peer.ends() == ABORT
        stopping.join(60)
        assert not stopping.is_alive()


# -- no bytes bring it down -------------------------------------------------------------------------------------------

VALID = request()[6:]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_or_a_violation(body: bytes) -> None:
    _negotiate(body)


@example(damage=[(130, 86)], cut=0)  # a context without a transfer syntax
@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(VALID)),
)
def test_any_damage_to_a_request_makes_it_another_one_or_a_violation(
    damage: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(VALID)
    for at, value in damage:
        damaged[at] = value
    _negotiate(bytes(damaged))
    _negotiate(bytes(damaged[:cut]))


def _negotiate(body: bytes) -> None:
    try:
        requested = Requested.of(body)
        if requested.refusal is None:
            pdu_, contexts = OFFER.accept(requested)
            assert pdu_[0] == 2
            assert all(0 < number < 256 for number in contexts)
    except PeerViolation:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_violation(data: bytes) -> None:
    try:
        Command.of(data)
    except PeerViolation:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_fragments_or_a_violation(body: bytes) -> None:
    try:
        assert sum(len(data) + 6 for *_rest, data in fragments(memoryview(body))) == len(body)
    except PeerViolation:
        return


@given(
    data=st.binary(min_size=1, max_size=300),
    cuts=st.lists(st.integers(1, 299), max_size=8),
    room=st.integers(0, 90),
)
def test_a_message_is_the_same_however_it_was_cut(data: bytes, cuts: list[int], room: int) -> None:
    asked = command(1, data_set=True, sop_class=CTImageStorage, uid="1.2.3")
    assembly, found = (
        Assembly({1: Context(CTImageStorage, ExplicitVRLittleEndian)}, 1000, Path()),
        list[Message](),
    )
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[begin:end] for begin, end in itertools.pairwise(edges)]
    sent = _bodies(p_data(1, asked, room)) + [
        fragment(piece, last=piece is pieces[-1])[6:] for piece in pieces
    ]
    for body in sent:
        for one in fragments(memoryview(body)):
            message = assembly.add(*one)
            found += [message] if message else []
    (message,) = found
    assert (message.data, message.command) == (data, Command.of(asked))


@given(data=st.binary(min_size=1, max_size=300), room=st.integers(0, 90), number=st.integers(1, 0xFFFF))
def test_a_report_is_read_as_it_was_written_however_small_the_pdus(
    data: bytes, room: int, number: int
) -> None:
    context = Context(CTImageStorage, ExplicitVRLittleEndian)
    assembly, found = Assembly({1: context}, 1000, Path()), list[Message]()
    asked = event_report(number, CTImageStorage, "1.2.3", 2)
    for body in _bodies(p_data(1, asked, room) + p_data(1, data, room, is_command=False)):
        for one in fragments(memoryview(body)):
            found += filter(None, [assembly.add(*one)])
    (message,) = found
    assert message.data == data
    command = message.command
    assert (command.field, command.message_id) == (CommandField.N_EVENT_REPORT, number)
    assert (command.sop_class_uid, command.sop_instance_uid) == (CTImageStorage, "1.2.3")


def _bodies(pdus: bytes) -> list[bytes]:
    found = []
    while pdus:
        length = struct.unpack_from(">BxI", pdus)[1]
        found.append(pdus[6 : 6 + length])
        pdus = pdus[6 + length :]
    return found


def _syntax(uid: str) -> bytes:
    return struct.pack(">BxH", 0x40, len(uid)) + uid.encode()


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates that sign themselves, of the service, of a sender, and of a stranger."""
    folder = tmp_path_factory.mktemp("pem")
    for name in ("service", "sender", "stranger"):
        words = (
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.crt"
        )
        subprocess.run(["/usr/bin/openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    return folder


def tls(pem: Path) -> dict[str, str]:
    return {
        "tls_certificate": str(pem / "service.crt"),
        "tls_key": str(pem / "service.key"),
        "tls_ca": str(pem / "sender.crt"),
    }


def echoscu(listener: Listener, *options: str | Path) -> int:
    if not Path("/usr/bin/echoscu").exists():
        pytest.skip("dcmtk is not installed (Debian package dcmtk)")
    words = ["/usr/bin/echoscu", "-to", "5", *map(str, options), "127.0.0.1", str(listener.port)]
    return subprocess.run(words, check=False, capture_output=True).returncode


@pytest.mark.orthanc
def test_senders_with_a_certificate_of_the_authority_come_in_by_tls_and_no_others(pem: Path) -> None:
    with listening(Sink(), **tls(pem)) as listener:
        known = ["+cf", pem / "service.crt"]
        assert echoscu(listener, "+tls", pem / "sender.key", pem / "sender.crt", *known) == 0
        assert echoscu(listener, "+tls", pem / "stranger.key", pem / "stranger.crt", *known) != 0
        assert echoscu(listener, "+tla", *known) != 0  # without a certificate
        assert echoscu(listener) != 0  # without TLS


def test_tls_that_never_shakes_hands_is_closed(pem: Path) -> None:
    with listening(Sink(), request_seconds=0.5, **tls(pem)) as listener, RawPeer(listener.port) as peer:
        assert peer.receive() == (0, b"")


def test_tls_files_that_are_not_there_are_told() -> None:
    told = r"listener cannot be used: listener\.tls_certificate: /nowhere\.pem: No such file"
    with pytest.raises(ConfigurationError, match=told):
        Listener(ListenerSettings(tls_certificate="/nowhere.pem"), Sink())  # type: ignore[arg-type]
