"""Routes: which one an object takes, in which order they are tried, and who gets no association at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import AE, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ

from anonymizer import IdentifiedInstance
from orthanc import Peer, PeerRefused, echo, send
from ror.config import ListenerSettings
from ror.errors import AlreadyExists, ConfigurationError, NotFound, ServiceUnavailable
from ror.gateway import Answer, Listener, Status, attributes_of
from ror.registry import ANY, Condition, Project, Route, Sender, try_routes
from tests.anonymizer.planted import minimal, part10
from tests.gateway.conftest import Gateway, received


@pytest.fixture
def heads(gateway: Gateway) -> Gateway:
    """A gateway with a second project, and no route to it yet."""
    gateway.projects.add(Project("heads"))
    return gateway


def project_of(gateway: Gateway) -> str:
    (study,) = gateway.index.studies()
    return study.project


# -- conditions on the object -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "project"),
    [
        ("BodyPartExamined = HEAD", "heads"),
        ("BodyPartExamined = CHEST", "lungs"),
        ("Rows > 1 and not StationName exists", "heads"),
        ("StationName = X", "lungs"),
        ('StudyDescription regexp "^Sch.del$"', "heads"),
        ("PixelSpacing = (0.5, 0.25)", "heads"),
        ("(0018,0015) in (HEAD, NECK)", "heads"),
    ],
)
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_object_takes_the_route_whose_condition_it_meets(
    heads: Gateway, condition: str, project: str, syntax: str
) -> None:
    heads.routes.add(Route("SCANNER", ANY, "heads", condition=condition))
    sent = minimal(
        SpecificCharacterSet="ISO_IR 192",
        BodyPartExamined="HEAD",
        Rows=2,
        StudyDescription="Schädel",
        PixelSpacing=[0.5, 0.25],
    )
    assert heads.intake.receive(received(sent, syntax=syntax)).status is Status.SUCCESS
    assert project_of(heads) == project


def test_routes_are_read_anew_for_every_object_on_both_databases(heads: Gateway) -> None:
    route = heads.routes.add(Route("SCANNER", ANY, "heads", condition=" Modality=CT ", settle_seconds=2.5))
    assert route.condition == 'Modality = "CT"'
    assert heads.routes.list() == [route, Route("SCANNER", ANY, "lungs")]
    heads.intake.receive(received(minimal(Modality="CT")))
    assert project_of(heads) == "heads"
    with pytest.raises(AlreadyExists, match='SCANNER → \\* where Modality = "CT" has a route'):
        heads.routes.add(Route("SCANNER", ANY, "lungs", condition="Modality = 'CT'"))
    with pytest.raises(NotFound):
        heads.routes.remove(Route("SCANNER", ANY, "heads"))
    heads.routes.remove(Route("SCANNER", ANY, "heads", condition="Modality = CT"))
    assert heads.routes.list() == [Route("SCANNER", ANY, "lungs")]


def test_an_object_that_meets_no_condition_is_refused_and_nothing_is_kept(heads: Gateway) -> None:
    heads.routes.remove(Route("SCANNER", ANY, "lungs"))
    heads.routes.add(Route("SCANNER", ANY, "heads", condition="Modality = CT"))
    for other in (received(minimal(Modality="MR")), received(cut=40)):
        answer = heads.intake.receive(other)
        assert answer == Answer(Status.NOT_AUTHORIZED, "no route for this sender and object")
    assert (heads.archived(), heads.quarantine.list()) == ({}, [])


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_cannot_be_read_takes_a_route_without_a_condition_into_quarantine(heads: Gateway) -> None:
    heads.routes.add(Route("SCANNER", ANY, "heads", condition="Modality = CT"))
    assert heads.intake.receive(received(cut=40)).status is Status.CANNOT_UNDERSTAND
    (held,) = heads.quarantine.list()
    assert held.project == "lungs"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Modalty = CT", "line 1, column 1: 'Modalty' is no DICOM attribute"),
        ("Modality =", "line 1"),
        ("NumImages > 3", "NumImages: what no object says"),
        ("Modality = CT pick newest", "more than rules about one object"),
        ("named CT has Modality = CT", "more than rules about one object"),
        ("Modality = CT also where series has Modality = MR", "more than rules about one object"),
        ("Modality = CT; select series where everything", "only one select"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_condition_that_is_none_is_told_where_it_is_wrong(gateway: Gateway, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told.replace("(", r"\(")) as refused:
        gateway.routes.add(Route("CT", ANY, "lungs", condition=text))
    assert "rule of the select language" in refused.value.advice
    assert len(gateway.routes.list()) == 1


def test_a_condition_says_which_of_its_rules_failed_and_never_what_it_saw() -> None:
    condition = Condition.read("Modality = CT and PatientName = HIDDEN and Rows > 2 and StationName exists")
    misfits = condition.misfits({"Modality": ("CT",), "PatientName": ("Secret",), "Rows": ("many",)})
    assert misfits == (
        'PatientName = "HIDDEN": did not hold',
        "Rows > 2: value cannot be read",
        "StationName exists: did not hold",
    )


@given(st.binary(max_size=20), st.sampled_from(["US", "FD", "PN", "IS", "UT", "SQ", "OB"]))
def test_no_value_of_an_object_keeps_conditions_from_being_asked(value: bytes, vr: str) -> None:
    """What the bytes of a value are is up to the sender."""
    padded = value + b" " * (len(value) % 2)
    bogus = b"\x08\x00\x05\x00CS\x06\x00NOSUCH" if len(value) % 3 else b""
    long = vr in ("UT", "OB", "SQ")
    head = b"\x28\x00\x10\x00" + vr.encode() + (bytes(2) if long else b"")
    data = bogus + head + len(padded).to_bytes(4 if long else 2, "little") + padded
    if vr == "SQ":
        return
    read = IdentifiedInstance.from_dataset_bytes(data, "1.2", "1.2.3", "1.2.840.10008.1.2.1")
    for values in attributes_of(read, ["Rows"]).values():
        assert all(isinstance(one, str) for one in values)


# -- the order, and the sender ----------------------------------------------------------------------------------------


def unread(_keywords: object) -> dict[str, tuple[str, ...]]:
    pytest.fail("no route asks for an attribute")


def test_routes_are_tried_by_priority_and_then_the_most_particular_first(heads: Gateway) -> None:
    ordered = [
        Route(ANY, ANY, "heads", condition="Modality = CT", priority=5),
        Route("SCANNER", "ROR", "heads"),
        Route("SCANNER", ANY, "heads", address="10.1.2.3"),
        Route("SCANNER", ANY, "heads", address="fd00::/120"),
        Route("SCANNER", ANY, "heads", address="10.1.0.0/16"),
        Route("SCANNER", ANY, "heads", condition="Modality = CT"),
        Route("SCANNER", ANY, "lungs"),
        Route(ANY, "ROR", "heads"),
        Route(ANY, ANY, "heads", address="0.0.0.0/0"),
        Route(ANY, ANY, "heads", priority=-1),
    ]
    kept = [route.canonical() for route in ordered]
    for route in reversed(ordered):
        if route != Route("SCANNER", ANY, "lungs"):
            heads.routes.add(route)
    assert heads.routes.list() == kept


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("10.1.0.0/16", "10.1.255.1", "10.2.0.1"),
        ("10.1.0.0/16", "::ffff:10.1.0.9", "::ffff:10.2.0.9"),
        ("fe80::/64", "fe80::1%eth0", "fd00::1"),
        ("0.0.0.0/0", "9.9.9.9", ""),
    ],
)
def test_an_address_is_of_a_host_or_in_a_network(network: str, inside: str, outside: str) -> None:
    route = Route(ANY, ANY, "lungs", address=network).canonical()
    assert route.misfits(Sender("CT", "ROR", inside)) == ()
    (told,) = route.misfits(Sender("CT", "ROR", outside))
    assert told.endswith(f"is not in {network}")
    assert route.misfits(Sender("CT", "ROR")) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        Route("CT", ANY, "lungs", address="scanner.example.org"),
        Route("CT", ANY, "lungs", address="10.1.0.1/16"),
        Route("CT", ANY, "lungs", address=""),
        Route("CT", ANY, "lungs", settle_seconds=-1),
        Route("CT", ANY, "lungs", settle_seconds=float("nan")),
        Route("CT", ANY, "lungs", priority=1001),
        Route("CT", ANY, "lungs", condition="Modality = " + "C" * 500),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_route_that_makes_no_sense_is_refused(gateway: Gateway, wrong: Route) -> None:
    with pytest.raises(ConfigurationError):
        gateway.routes.add(wrong)
    assert len(gateway.routes.list()) == 1


def test_every_route_says_why_it_is_not_the_one() -> None:
    routes = [
        Route("CT", "ROR", "lungs", address="10.1.2.3"),
        Route(ANY, ANY, "lungs", condition='Modality = "CT"'),
        Route(ANY, ANY, "lungs"),
    ]
    tried = try_routes(routes, Sender("MR", "OTHER", "10.9.9.9"), lambda _wanted: {"Modality": ("MR",)})
    assert [one.misfits for one in tried] == [
        (
            "the calling AE title is 'MR', not 'CT'",
            "the called AE title is 'OTHER', not 'ROR'",
            "the address 10.9.9.9 is not in 10.1.2.3",
        ),
        ('Modality = "CT": did not hold',),
        (),
    ]
    assert [one.misfits for one in try_routes(routes[2:], Sender("MR"), unread)] == [()]


# -- associations -----------------------------------------------------------------------------------------------------


@pytest.fixture
def port(gateway: Gateway) -> Iterator[int]:
    """A listener on a free port."""
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), gateway.intake)
    listener.start()
    yield listener.port
    listener.stop()


def rejection(port: int, calling: str, called: str) -> tuple[int | None, int | None, int | None]:
    """Result, source and reason of the A-ASSOCIATE-RJ (PS3.8 table 9-21)."""
    heard: list[A_ASSOCIATE_RJ] = []

    # pynetdicom itself forgets a rejection that comes before its own thread has looked at the connection.
    def hear(event: evt.Event) -> None:
        heard.append(event.pdu)

    entity = AE(ae_title=calling)
    entity.add_requested_context("1.2.840.10008.1.1")
    entity.associate("127.0.0.1", port, ae_title=called, evt_handlers=[(evt.EVT_PDU_RECV, hear)])
    (answer,) = heard
    assert isinstance(answer, A_ASSOCIATE_RJ)
    return answer.result, answer.source, answer.reason_diagnostic


def test_who_is_not_known_gets_no_association_and_the_reason(gateway: Gateway, port: int) -> None:
    gateway.routes.add(Route("MRI", "ROR", "lungs"))
    gateway.routes.add(Route("ELSEWHERE", ANY, "lungs", address="10.1.2.3"))
    assert rejection(port, "STRANGER", "ROR") == (1, 1, 3)
    assert rejection(port, "ELSEWHERE", "ROR") == (1, 1, 3)
    assert rejection(port, "MRI", "OTHER") == (1, 1, 7)
    echo(Peer("ROR", "127.0.0.1", port, "MRI"))


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_catch_all_lets_everybody_in(gateway: Gateway, port: int, tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(part10(minimal()))
    stranger = Peer("ROR", "127.0.0.1", port, "STRANGER")
    with pytest.raises(PeerRefused):
        send(stranger, [file])
    gateway.routes.add(Route(ANY, ANY, "lungs", address="127.0.0.0/8"))
    send(stranger, [file])
    assert len(gateway.archived()) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_while_the_database_is_away_senders_are_told_to_come_back(
    gateway: Gateway, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise ServiceUnavailable("the database does not answer")

    monkeypatch.setattr(gateway.routes, "list", away)
    assert rejection(port, "SCANNER", "ROR") == (2, 3, 1)
