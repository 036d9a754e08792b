"""Storage commitment as the first way of confirming: told at once, told later to our listener, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from orthanc import OrthancServer, Peer, PeerRefused, ServerNotInstalled, report_event
from ror.db import Database
from ror.engine import JobStore
from ror.model import Job, JobState
from ror.registry import CommitmentStore
from ror.results import (
    Deliverer,
    DeliveryRefused,
    DeliveryUnavailable,
    Destination,
    Ledger,
    MadeObject,
    Outgoing,
    Shipment,
    destination_of,
)
from ror.results.destinations.committing import Committing
from tests.engine.test_jobs import made
from tests.gateway.asking import COMMITMENT, COMMITMENT_INSTANCE, Served, commitment_request, uid_of
from tests.gateway.conftest import Gateway, build, gateway
from tests.gateway.test_who_comes_in import everything
from tests.orthanc.test_orthanc_pacs import image
from tests.results.own_pacs import OwnPacs
from tests.results.test_destinations import outgoing, settings
from tests.support.serving import eventually

__all__ = ["build", "gateway"]  # fixtures


@pytest.fixture
def served(gateway: Gateway, database: Database) -> Iterator[Served]:
    """Our listener: as the PACS that is asked, or as who is told later."""
    with Served(gateway, database) as one:
        yield one


@pytest.fixture
def store(database: Database) -> CommitmentStore:
    return CommitmentStore(database)


def shipped(database: Database, folder: Path, results: int = 2) -> tuple[Ledger, Job, Shipment]:
    """A job that has made some results."""
    ledger, job = Ledger(database), made(database, JobStore(database), JobState.RUNNING)
    objects = [outgoing(image(folder)) for _ in range(results)]
    rows = [MadeObject(one.sop_uid, one.kind, "1.2", one.series_uid, one.study_uid, "x") for one in objects]
    ledger.set_made(job.id, rows)
    return ledger, job, Shipment(job, (), objects, ())


def at(pacs: OwnPacs, store: CommitmentStore, **more: object) -> Destination:
    return destination_of("main", pacs.settings(**more), "ROR", store)


# -- at once ----------------------------------------------------------------------------------------------------------


def test_a_pacs_that_tells_at_once_has_confirmed_what_it_keeps(
    served: Served, store: CommitmentStore, tmp_path: Path
) -> None:
    served.store(1, 2)
    sent = {uid_of(number): image(tmp_path) for number in (1, 2, 3)}
    objects = [Outgoing(uid, "2.25.2", "2.25.1", "IMAGE", path) for uid, path in sent.items()]
    peer = served.peer
    pacs = settings(host=peer.host, port=peer.port, ae_title=peer.ae_title, commitment=True)
    held = destination_of("main", pacs, "SCANNER", store).held(objects)
    assert (held.by, held.sop_uids) == ("commitment", frozenset({uid_of(1), uid_of(2)}))
    assert store.asked("main", list(sent)) is None


# -- later ------------------------------------------------------------------------------------------------------------


@pytest.mark.orthanc
def test_an_orthanc_tells_our_listener_later_and_the_job_is_confirmed(
    served: Served, store: CommitmentStore, database: Database, tmp_path: Path
) -> None:
    try:
        OrthancServer.program()
    except ServerNotInstalled as error:
        pytest.skip(str(error))
    ledger, job, shipment = shipped(database, tmp_path)
    known = {"DicomModalities": {"ror": ["ROR", "127.0.0.1", served.listener.port]}}
    with OrthancServer(tmp_path / "orthanc", settings=known) as server:
        peer = server.peer
        pacs = settings(host=peer.host, port=peer.port, ae_title=peer.ae_title, commitment=True)
        served.pacs["main"] = pacs
        destination = destination_of("main", pacs, "ROR", store)

        def delivered() -> str:
            try:
                return Deliverer(ledger).deliver(shipment, [destination])
            except DeliveryUnavailable as waits:
                assert "has not told the result" in str(waits)
                return ""

        assert eventually(delivered) == "main: 0 images, 2 results, confirmed by commitment"
    (state,) = ledger.states(job.id)
    assert (state.confirmed, state.confirmed_by) == (2, "commitment")


def test_a_result_that_nobody_has_asked_for_is_not_taken(served: Served) -> None:
    served.pacs["main"] = settings(host="127.0.0.1", port=104, ae_title="SCANNER", commitment="auto")
    report = commitment_request("2.25.4712", uid_of(1))
    assert report_event(served.peer, COMMITMENT, COMMITMENT_INSTANCE, 1, report) == 0x0115


def test_only_a_pacs_that_is_asked_may_come_without_a_route_to_tell(served: Served) -> None:
    stranger = Peer("ROR", "127.0.0.1", served.listener.port, "STRANGER")
    report = commitment_request("2.25.4712", uid_of(1))
    for commitment in (False, "auto"):
        served.pacs["main"] = settings(host="127.0.0.1", port=104, ae_title="STRANGER", commitment=commitment)
        if not commitment:
            with pytest.raises(PeerRefused, match="rejects our association"):
                report_event(stranger, COMMITMENT, COMMITMENT_INSTANCE, 1, report)
    assert report_event(stranger, COMMITMENT, COMMITMENT_INSTANCE, 1, report) == 0x0115


def test_what_a_pacs_has_told_is_found_by_whoever_asks_again(
    store: CommitmentStore, database: Database, tmp_path: Path
) -> None:
    """It kept one of two, and no UID of either is in the database."""
    one, other = (outgoing(image(tmp_path)) for _ in range(2))
    asked = store.ask("main", [one.sop_uid, other.sop_uid], 1e9)
    with OwnPacs().running() as pacs:
        destination = at(pacs, store, commitment=True)
        assert store.told(asked.transaction_uid, [one.sop_uid])
        assert one.sop_uid not in everything(database)
        assert destination.held([other, one]).sop_uids == frozenset({one.sop_uid})
    assert not store.told(asked.transaction_uid, [one.sop_uid])


# -- not at all -------------------------------------------------------------------------------------------------------


def test_where_it_is_refused_the_pacs_is_asked_otherwise_and_the_reason_is_told(
    gateway: Gateway, store: CommitmentStore, database: Database, tmp_path: Path
) -> None:
    ledger, _job, shipment = shipped(database, tmp_path)
    with OwnPacs().running() as pacs:
        told = Deliverer(ledger).deliver(shipment, [at(pacs, store, commitment="auto")])
        assert told.startswith(
            "main: 0 images, 2 results, confirmed by C-FIND (no storage commitment: OWN at"
        )
        ledger.note_delivered("main", [one.sop_uid for one in shipment.results], 1e9)
        with pytest.raises(DeliveryRefused, match="presentation contexts"):
            Deliverer(ledger).deliver(shipment, [at(pacs, store, commitment=True)])


def test_who_does_not_tell_in_a_minute_is_asked_otherwise_unless_it_has_to(
    store: CommitmentStore, tmp_path: Path
) -> None:
    one, clock = outgoing(image(tmp_path)), [1e9]
    peer = Peer("OWN", "127.0.0.1", 104)
    store.ask("main", [one.sop_uid], clock[0])
    patient, must = (Committing("main", peer, store, must, lambda: clock[0]) for must in (False, True))
    for ask in (patient, must):
        with pytest.raises(DeliveryUnavailable, match="has not told"):
            ask([one])
    clock[0] += 61
    with pytest.raises(PeerRefused, match="has told no result in 60 s"):
        patient([one])
    with pytest.raises(DeliveryUnavailable, match="has not told"):
        must([one])


def test_a_request_is_made_anew_when_nothing_has_come_for_an_hour(
    store: CommitmentStore, tmp_path: Path
) -> None:
    one = outgoing(image(tmp_path))
    first = store.ask("main", [one.sop_uid], 1e9)
    with OwnPacs().running() as pacs, pytest.raises(PeerRefused):
        peer = Peer("OWN", "127.0.0.1", pacs.port)
        Committing("main", peer, store, True, lambda: 1e9 + 3601)([one])
    assert not store.told(first.transaction_uid, [one.sop_uid])


def test_without_an_address_for_dicom_nobody_can_be_asked() -> None:
    with pytest.raises(ValidationError, match="needs host, port and ae_title"):
        settings(dicomweb_url="http://127.0.0.1:1", commitment="auto")
