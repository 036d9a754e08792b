"""Peers that mean harm, against `ror serve`: its memory is bounded, and other senders are served meanwhile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian

from examples.demo.service import Installation
from orthanc import echo, send
from ror.app import App
from ror.registry import ANY, Project, Route
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.raw_peer import (
    ABORT,
    AC,
    P_DATA,
    RJ,
    RQ,
    RawPeer,
    command,
    fragment,
    pdu,
    request,
    store,
)
from tests.support.serving import Serving, eventually

ELSEWHERE = "127.0.0.2"
MIB = 2**20
PER_ADDRESS = 10
LIMITS = {
    "ROR_LISTENER__REQUEST_SECONDS": "5",
    "ROR_LISTENER__IDLE_SECONDS": "5",
    "ROR_LISTENER__MAX_OBJECT_MIB": "256",
    "ROR_LISTENER__MAX_ASSOCIATIONS": "20",
    "ROR_LISTENER__MAX_ASSOCIATIONS_PER_ADDRESS": str(PER_ADDRESS),
}
PIXEL_ATTRIBUTES = {
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
}
_numbers = count(1)


@dataclass
class Victim:
    """A running service, and an honest sender that it must go on to serve."""

    serving: Serving
    folder: Path

    @property
    def port(self) -> int:
        return self.serving.port

    def serves_others(self) -> None:
        """An echo is answered, and an object is taken in."""
        file = self.folder / f"{next(_numbers)}.dcm"
        file.write_bytes(part10(minimal(SOPInstanceUID=f"{ROOT}.4.{next(_numbers)}")))
        echo(self.serving.peer, timeout_seconds=60)  # beside a flood, on a busy machine
        before = len(self.serving.archived())
        send(self.serving.peer, [file])
        assert len(self.serving.archived()) == before + 1

    def rests(self) -> None:
        """Wait until the associations of a test before are over."""
        eventually(lambda: len(list(Path(f"/proc/{self.serving.pid}/task").iterdir())) <= self.threads + 1)

    def __post_init__(self) -> None:
        self.serves_others()  # what is loaded for the first object is not the attacker's
        self.threads = len(list(Path(f"/proc/{self.serving.pid}/task").iterdir()))

    def grows_by_mib(self, attack: Callable[[], None]) -> float:
        """How far the resident memory of the service rises during an attack, at its highest."""
        Path(f"/proc/{self.serving.pid}/clear_refs").write_text("5")  # forget the highest until now
        before = self._memory("VmRSS")
        attack()
        return (self._memory("VmHWM") - before) / 1024

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self.serving.pid}/status").read_text()
        return int(status.partition(f"{field}:")[2].split()[0])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("victim")
    installation = Installation(folder)
    installation.configure("process", settle_seconds=3600)
    with closing(App(installation.home)) as app:
        app.projects.add(Project("lungs"))
        app.routes.add(Route(ANY, ANY, "lungs"))
    with Serving(installation, LIMITS) as serving:
        yield Victim(serving, folder)


@pytest.fixture
def victim(running: Victim) -> Iterator[Victim]:
    yield running
    running.serves_others()


def test_a_length_of_4_gib_before_any_association_takes_no_memory(victim: Victim) -> None:
    def attack() -> None:
        with RawPeer(victim.port, ELSEWHERE) as peer:
            peer.send(pdu(RQ, b"", length=0xFFFFFFFE))
            assert peer.flood(bytes(MIB), 100 * MIB) < 50 * MIB
            victim.serves_others()

    assert victim.grows_by_mib(attack) < 10


def test_a_length_of_4_gib_within_an_association_takes_no_memory(victim: Victim) -> None:
    def attack() -> None:
        with RawPeer.associated(victim.port, ELSEWHERE) as peer:
            peer.send(pdu(P_DATA, b"", length=0xFFFFFFFE))
            assert peer.ends() == ABORT

    assert victim.grows_by_mib(attack) < 10


def test_a_pdu_longer_than_was_agreed_ends_the_association(victim: Victim) -> None:
    with RawPeer.associated(victim.port) as peer:
        peer.send(fragment(bytes(128 * 1024), is_command=True, last=False))
        assert peer.ends() == ABORT


def test_an_object_without_end_takes_no_more_than_the_longest_that_is_allowed(victim: Victim) -> None:
    asked = fragment(command(1, data_set=True, sop_class=CTImageStorage, uid=f"{ROOT}.4.9"), is_command=True)

    def attack() -> None:
        with RawPeer.associated(victim.port, ELSEWHERE) as peer:
            peer.send(asked)
            assert peer.flood(fragment(bytes(64 * 1024), last=False), 1000 * MIB) < 600 * MIB
            victim.serves_others()

    assert victim.grows_by_mib(attack) < 30


def test_an_object_that_is_too_long_is_refused_and_the_next_one_is_taken(victim: Victim) -> None:
    pieces = [bytes(64 * 1024)] * (257 * 16 - 1) + [bytes(64 * 1024)]
    too_long = store(f"{ROOT}.4.9", *pieces)
    with RawPeer.associated(victim.port) as peer:
        peer.send(too_long)
        assert peer.status() == 0xA700
        peer.send(fragment(command(0x30, sop_class="1.2.840.10008.1.1"), is_command=True, context_id=3))
        assert peer.status() == 0


def test_fragments_without_end_that_hold_nothing_end_the_association(victim: Victim) -> None:
    asked = fragment(command(1, data_set=True, sop_class=CTImageStorage, uid=f"{ROOT}.4.9"), is_command=True)
    for empty in (b"", b"\0\0"):
        with RawPeer.associated(victim.port, ELSEWHERE) as peer:
            peer.send(asked)
            assert peer.flood(fragment(empty, last=False) * 1000, 100 * MIB) < 20 * MIB


def test_a_command_without_end_ends_the_association(victim: Victim) -> None:
    with RawPeer.associated(victim.port) as peer:
        peer.flood(fragment(bytes(8000), is_command=True, last=False), MIB)
        assert peer.ends() in (ABORT, 0)


def test_a_flood_of_requests_whose_answers_are_not_read_takes_no_memory(victim: Victim) -> None:
    asked = fragment(command(0x30, sop_class="1.2.840.10008.1.1"), is_command=True, context_id=3)

    def attack() -> None:
        with RawPeer.associated(victim.port, ELSEWHERE) as peer:
            peer.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):  # as long as nobody reads, nobody answers
                peer.flood(asked * 1000, 1000 * MIB)
            victim.serves_others()

    assert victim.grows_by_mib(attack) < 10


def test_a_multi_frame_of_200_mib_is_taken_in_without_the_memory(victim: Victim) -> None:
    """The pixels go from file to file (PS3.3 A.6, say); only the header is read."""
    image = minimal(SOPInstanceUID=f"{ROOT}.4.200", Rows=1024, Columns=1024, NumberOfFrames="100")
    for keyword, value in PIXEL_ATTRIBUTES.items():
        setattr(image, keyword, value)
    header = part10(image)
    at = 144 + int.from_bytes(header[140:144], "little")
    head = header[at:] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 200 * MIB)
    block = bytes(64 * 1024)

    def attack() -> None:
        with RawPeer.associated(victim.port) as peer:
            asked = command(1, data_set=True, sop_class=CTImageStorage, uid=f"{ROOT}.4.200")
            peer.send(fragment(asked, is_command=True), fragment(head, last=False))
            for number in range(200 * 16):
                peer.send(fragment(block, last=number == 200 * 16 - 1))
            assert peer.status() == 0

    assert victim.grows_by_mib(attack) < 60


def test_612_kb_that_inflate_to_12_gb_are_refused_without_the_memory(victim: Victim) -> None:
    zipper = zlib.compressobj(9, wbits=-15)
    head = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 1_200_000_000)
    bomb = zipper.compress(head) + b"".join(zipper.compress(bytes(MIB)) for _ in range(600)) + zipper.flush()
    pieces = [bomb[at : at + 65536] for at in range(0, len(bomb), 65536)]

    def attack() -> None:
        with RawPeer.associated(victim.port, ELSEWHERE, DeflatedExplicitVRLittleEndian) as peer:
            peer.send(store(f"{ROOT}.4.9", *pieces))
            assert peer.status() == 0xC000

    assert victim.grows_by_mib(attack) < 20


@pytest.mark.parametrize("uid", ["../../../../etc/cron.d/x", "/etc/passwd", "1.2.3/../4", "..", "a\0b"])
def test_a_uid_that_is_a_path_names_no_file(victim: Victim, uid: str) -> None:
    before = {file for file in victim.folder.rglob("*") if file.is_file()}
    with RawPeer.associated(victim.port) as peer:
        peer.send(store(uid, _data_set(uid)))
        assert peer.status() == 0xA900
    new = {file for file in victim.folder.rglob("*") if file.is_file()} - before
    assert {file.parent.name for file in new} <= {"quarantine", "home"}
    assert all(len(file.stem) == 64 for file in new if file.parent.name == "quarantine")


def test_connections_that_ask_for_nothing_keep_nobody_out(victim: Victim) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(RawPeer(victim.port, ELSEWHERE)) for _ in range(300)]
        victim.serves_others()
        assert idle[0].ends() in (ABORT, 0)  # the oldest had to go


def test_a_connection_that_asks_for_nothing_is_closed(victim: Victim) -> None:
    with RawPeer(victim.port) as peer:
        assert peer.ends() == ABORT


def test_an_association_that_is_not_used_is_aborted(victim: Victim) -> None:
    with RawPeer.associated(victim.port) as peer:
        assert peer.ends() == ABORT


def test_a_pdu_that_comes_byte_by_byte_has_a_deadline(victim: Victim) -> None:
    with RawPeer.associated(victim.port) as peer:
        peer.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 100:
                peer.send(pdu(P_DATA, b"", length=1000) if not sent else b"\0")
                sent += 1
                try:
                    if not peer.socket.recv(1):
                        raise ConnectionResetError
                except TimeoutError:
                    continue
        assert sent < 100


def test_a_thousand_associations_leave_room_for_the_senders_of_other_addresses(victim: Victim) -> None:
    def attack() -> None:
        with ExitStack() as stack:
            peers = []
            for _ in range(1000):
                peer = stack.enter_context(RawPeer(victim.port, ELSEWHERE))
                peer.send(request())
                peers.append(peer)
            victim.serves_others()
            answers = [peer.receive()[0] for peer in peers]
            assert RJ in answers
            assert set(answers) <= {AC, RJ, ABORT, 0}

    assert victim.grows_by_mib(attack) < 60


def test_an_address_has_so_many_associations_and_no_more(victim: Victim) -> None:
    victim.rests()
    with ExitStack() as stack:
        for _ in range(PER_ADDRESS):
            stack.enter_context(RawPeer.associated(victim.port, ELSEWHERE))
        one_more = stack.enter_context(RawPeer(victim.port, ELSEWHERE))
        one_more.send(request())
        assert one_more.receive() == (RJ, b"\0\2\3\1")  # transient, temporary congestion
        victim.serves_others()


WRONG = {
    "an unknown PDU": pdu(0x63, bytes(4)),
    "a PDU of the other side": pdu(AC, bytes(74)),
    "a second request": request(),
    "half a fragment": pdu(P_DATA, b"\0\0"),
    "a fragment longer than its PDU": pdu(P_DATA, struct.pack(">IBB", 100, 1, 3)),
    "a fragment of length 0": pdu(P_DATA, struct.pack(">IBB", 0, 1, 3)),
    "a context that was not accepted": fragment(command(0x30), is_command=True, context_id=77),
    "a data set without a command": fragment(bytes(10)),
    "an empty command": fragment(b"", is_command=True),
    "half an element": fragment(bytes(5), is_command=True),
    "an element longer than its command": fragment(struct.pack("<HHI", 0, 0x100, 99), is_command=True),
    "another group": fragment(struct.pack("<HHIH", 8, 0x16, 2, 0), is_command=True),
    "a store without UIDs": fragment(command(1, data_set=True), is_command=True),
    "a store without a data set": fragment(command(1, sop_class="1.2", uid="1.2"), is_command=True),
    "a response": fragment(command(0x8001), is_command=True),
    "a command within a data set": store("1.2.3", b"", b"\0\0")[:-20]
    + fragment(command(0x30), is_command=True),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_add_up_ends_the_association(victim: Victim, wrong: bytes) -> None:
    with RawPeer.associated(victim.port) as peer:
        peer.send(wrong)
        assert peer.ends() == ABORT


def _data_set(uid: str) -> bytes:
    value = uid.encode() + bytes(len(uid) % 2)
    return b"\x08\0\x18\0UI" + struct.pack("<H", len(value)) + value
