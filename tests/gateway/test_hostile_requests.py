"""Peers that mean harm to the services: what they send is bounded, answered, and brings nothing down."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from ror.db import Database
from ror.gateway.association import CommandField, ServiceRequest, promises
from ror.gateway.services.attributes import MOST_INSTANCES, counted, read
from ror.gateway.services.statuses import Refused
from ror.registry import Sender
from tests.gateway.asking import COMMITMENT, COMMITMENT_INSTANCE, STEPS, Served, commitment_request, item
from tests.gateway.conftest import Gateway
from tests.gateway.raw_peer import ABORT, AC, P_DATA, RawPeer, fragment, request
from tests.support.serving import eventually

MIB = 2**20


@pytest.fixture
def served(gateway: Gateway, database: Database) -> Iterator[Served]:
    with Served(gateway, database) as one:
        yield one


def _even(text: str) -> bytes:
    return text.encode() + bytes(len(text) % 2)


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def asks(field: int, sop_class: str, instance: str, *more: bytes, message_id: int = 7) -> bytes:
    """A command of DIMSE-N, with a data set."""
    elements = b"".join(
        (
            element(0x0003, _even(sop_class)),
            element(0x0100, struct.pack("<H", field)),
            element(0x0110, struct.pack("<H", message_id)),
            element(0x0800, struct.pack("<H", 1)),
            element(0x1001, _even(instance)),
            *more,
        )
    )
    return fragment(element(0, struct.pack("<I", len(elements))) + elements, is_command=True)


ACTION = element(0x1008, struct.pack("<H", 1))
N_ACTION = asks(CommandField.N_ACTION, COMMITMENT, COMMITMENT_INSTANCE, ACTION)


def associated(served: Served, sop_class: str = COMMITMENT) -> RawPeer:
    """A peer with an association for a service, in its context 1."""
    peer = RawPeer(served.listener.port)
    peer.send(request(sop_class=sop_class))
    assert peer.receive()[0] == AC
    return peer


def bytes_of(data: object) -> bytes:
    encoded = encode(data, False, True)  # type: ignore[arg-type]
    assert encoded is not None
    return encoded


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_million_instances_in_one_request_are_not_kept(served: Served) -> None:
    with associated(served) as peer:
        peer.send(N_ACTION)
        piece = fragment(bytes(65536), last=False)
        assert peer.flood(piece, 150 * MIB) < 150 * MIB
        assert peer.ends() in (ABORT, 0)
    with served.asked() as asked:
        assert asked.action(commitment_request("1.2.3", "1.2.3.4")) == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_request_that_is_somewhat_too_long_is_refused_and_the_next_is_answered(served: Served) -> None:
    with associated(served) as peer:
        peer.send(N_ACTION, *(fragment(bytes(65536), last=number == 129) for number in range(130)))
        assert peer.status() == 0x0213
        peer.send(N_ACTION, fragment(bytes_of(commitment_request("1.2.3", "1.2.3.4"))))
        assert peer.status() == 0


def test_more_instances_than_are_reported_on_are_refused() -> None:
    named = bytes_of(item(ReferencedSOPInstanceUID="1.2"))
    items = (struct.pack("<HHI", 0xFFFE, 0xE000, len(named)) + named) * (MOST_INSTANCES + 1)
    data = struct.pack("<HH2sHI", 0x0008, 0x1199, b"SQ", 0, len(items)) + items
    asked = ServiceRequest(
        Sender("CT"), CommandField.N_ACTION, COMMITMENT, COMMITMENT_INSTANCE, ExplicitVRLittleEndian, data
    )
    with pytest.raises(Refused, match=f"more than {MOST_INSTANCES} instances"):
        list(counted(read(asked).items("ReferencedSOPSequence")))


@pytest.mark.parametrize(
    "uid", ["../../../etc/passwd", "1.2/3", "1.2.3\\1.2.4", "9" * 65, "1.2\n3", "QZ^PATIENT"]
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_uid_that_is_none_is_refused_wherever_it_stands(
    served: Served, gateway: Gateway, uid: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(gateway.folder.rglob("*"))
    with associated(served) as peer:
        for data in (commitment_request(uid, "1.2.3"), commitment_request("1.2.3", uid)):
            peer.send(N_ACTION, fragment(bytes_of(data)))
            assert peer.status() == 0x0115
    with associated(served, STEPS) as peer:
        peer.send(asks(CommandField.N_SET, STEPS, uid), fragment(b""))
        assert peer.status() == 0x0117
    assert {path for path in set(gateway.folder.rglob("*")) - before if path.suffix == ".json"} == set()
    assert "QZ" not in caplog.text


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_data_set_that_does_not_add_up_is_refused(served: Served) -> None:
    nested = b"\x08\0\x99\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    with associated(served) as peer:
        for data in (b"\x08\0\x99", nested * 3000, b"QZ" * 500, b""):
            peer.send(N_ACTION, fragment(data))
            assert peer.status() in (0x0110, 0x0115)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_operations_on_the_wrong_context_are_refused(served: Served) -> None:
    with associated(served) as peer:
        peer.send(asks(CommandField.N_ACTION, STEPS, "1.2.3", ACTION), fragment(b""))
        assert peer.status() == 0x0118
        peer.send(asks(CommandField.N_CREATE, COMMITMENT, "1.2.3"), fragment(b""))
        assert peer.status() == 0x0211
        peer.send(asks(0x0110, COMMITMENT, "1.2.3"), fragment(b""))  # N-GET
        assert peer.status() == 0x0211


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_answer_to_nothing_ends_the_association(served: Served) -> None:
    answer = b"".join(
        element(number, struct.pack("<H", value))
        for number, value in ((0x0100, 0x8100), (0x0120, 1), (0x0800, 0x0101), (0x0900, 0))
    )
    with associated(served) as peer:
        peer.send(fragment(element(0, struct.pack("<I", len(answer))) + answer, is_command=True))
        assert peer.ends() == ABORT


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_who_never_answers_a_report_loses_its_association_and_the_request_is_kept(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promises, "_KEPT_OPEN_SECONDS", 0.05)
    with Served(gateway, database, idle_seconds=4) as served, associated(served) as peer:
        peer.send(N_ACTION, fragment(bytes_of(commitment_request("1.2.3", "1.2.3.4"))))
        assert peer.status() == 0
        assert peer.receive()[0] == P_DATA  # the report
        assert peer.ends() == ABORT  # after listener.idle_seconds
        pending = served.services.reporter._pending
        assert eventually(pending.waiting)[0].sender.calling_ae == "SCANNER"
    assert len(list((gateway.quarantine.folder / "commitments").iterdir())) == 1


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_data_set_or_refused(data: bytes) -> None:
    asked = ServiceRequest(Sender("CT"), CommandField.N_SET, STEPS, "1.2", ExplicitVRLittleEndian, data)
    try:
        read(asked)
    except Refused as refused:
        assert refused.answer.status == 0x0110
