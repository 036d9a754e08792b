"""Storage commitment asked by ourselves, of the listener as the provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orthanc import Peer, PeerRefused, request_commitment
from ror.db import Database
from tests.anonymizer.planted import minimal
from tests.gateway.asking import DEADLINE_SECONDS, Served, uid_of
from tests.gateway.conftest import Gateway
from tests.gateway.test_association import Sink, listening
from tests.support.serving import eventually

TRANSACTION = "2.25.4711"
CLASS = str(minimal().SOPClassUID)


@pytest.fixture
def served(gateway: Gateway, database: Database) -> Iterator[Served]:
    with Served(gateway, database) as one:
        yield one


def test_the_result_comes_on_the_association_of_the_request(served: Served) -> None:
    served.store(1, 2)
    asked = {uid_of(number): CLASS for number in (1, 2, 3)}
    result = request_commitment(served.peer, asked, TRANSACTION, wait_seconds=DEADLINE_SECONDS)
    assert result is not None
    assert result.committed == {uid_of(1), uid_of(2)}
    assert result.failed == {uid_of(3)}
    # It has our answer, and tells nobody again.
    folder = served.gateway.quarantine.folder / "commitments"
    eventually(lambda: list(folder.glob("*")) == [])


def test_who_is_not_patient_gets_it_later_or_never(served: Served) -> None:
    assert request_commitment(served.peer, {uid_of(1): CLASS}, TRANSACTION, wait_seconds=0.0) is None


def test_a_peer_without_storage_commitment_refuses() -> None:
    with listening(Sink()) as listener, pytest.raises(PeerRefused, match="presentation contexts"):
        request_commitment(Peer("ROR", "127.0.0.1", listener.port), {uid_of(1): CLASS}, TRANSACTION)


def test_a_request_that_is_not_taken_is_told(served: Served) -> None:
    with pytest.raises(PeerRefused, match="storage commitment with status 0x01"):
        request_commitment(served.peer, {}, TRANSACTION)
