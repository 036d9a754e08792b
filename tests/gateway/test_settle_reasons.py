"""Why studies are taken for complete: all that is known of them counts, and quiet is the last resort."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom import AE

from orthanc import Peer, send
from ror.archive import StillNeeded, StudyRow, settle_reason, waits_for
from ror.config import ListenerSettings
from ror.errors import ServiceUnavailable
from ror.gateway import Completeness, Listener, Settler
from ror.model import StudyState
from ror.registry import ANY, Route
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway, received

STUDY = f"{ROOT}.7"


def take_in(gateway: Gateway, *numbers: int, calling: str = "SCANNER") -> None:
    """Objects of one study."""
    for number in numbers:
        one = minimal(
            StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.{number}"
        )
        answer = gateway.intake.receive(received(one, calling=calling))
        assert answer.status == 0


def row(gateway: Gateway) -> StudyRow:
    (study,) = gateway.index.studies()
    return study


@pytest.fixture
def settler(gateway: Gateway) -> Settler:
    """A settler that has been there for ever."""
    return Settler(gateway.index, 30.0, lambda: None, clock=lambda: 0.0)


@pytest.fixture
def completeness(gateway: Gateway) -> Completeness:
    return Completeness(gateway.projects, gateway.index)


def test_a_study_settles_with_its_last_expected_instance(
    gateway: Gateway, settler: Settler, completeness: Completeness
) -> None:
    completeness.expect("lungs", STUDY, 3, "told by PACS research")
    take_in(gateway, 1, 2)
    last = row(gateway).last_received_at
    assert settler.tick(last) == []
    assert waits_for(row(gateway), 30.0, last + 12) == "1 of 3 instances, or 300 s of quiet, 12 s so far"
    take_in(gateway, 3)
    assert waits_for(row(gateway), 30.0, last) == "to settle, by `ror serve`"
    assert settler.tick(last) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "all 3 instances came (told by PACS research)"
    assert waits_for(row(gateway), 30.0, last) == "to be matched, by `ror serve` or `ror work`"


def test_a_study_that_lacks_instances_waits_ten_times_as_long_and_says_so(
    gateway: Gateway, settler: Settler, completeness: Completeness
) -> None:
    take_in(gateway, 1, 2)
    completeness.expect("lungs", STUDY, 4, "told by a query")
    completeness.expect("lungs", STUDY, 3, "told by a query")  # the latest number counts
    last = row(gateway).last_received_at
    assert settler.tick(last + 299.9) == []
    assert settler.tick(last + 300) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "quiet for 300 s; 2 of 3 instances came"


def test_more_instances_than_were_expected_wait_for_quiet(
    gateway: Gateway, settler: Settler, completeness: Completeness
) -> None:
    """Else each of them would make jobs of its own."""
    completeness.expect("lungs", STUDY, 1, "told by a query")
    take_in(gateway, 1, 2)
    last = row(gateway).last_received_at
    assert settler.tick(last + 29.9) == []
    assert settler.tick(last + 30) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "quiet for 30 s"


def test_a_late_object_opens_a_study_again_and_it_says_why(
    gateway: Gateway, settler: Settler, completeness: Completeness
) -> None:
    take_in(gateway, 1)
    completeness.sent_whole([row(gateway).study_uid], "its STOW request ended")
    first = row(gateway).last_received_at
    assert settler.tick(first) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "its STOW request ended"
    take_in(gateway, 1)
    assert row(gateway).state is StudyState.SETTLED  # a resend is none
    take_in(gateway, 2)
    last = row(gateway).last_received_at
    assert row(gateway).state is StudyState.RECEIVING
    assert settle_reason(row(gateway)) == "an object came after it had settled (its STOW request ended)"
    assert waits_for(row(gateway), 30.0, last) == "30 s of quiet, 0 s so far"
    assert settler.tick(last + 29) == []
    assert settler.tick(last + 30) == [row(gateway).study_uid]


def test_the_next_object_takes_back_that_all_were_sent(
    gateway: Gateway, settler: Settler, completeness: Completeness
) -> None:
    take_in(gateway, 1)
    completeness.sent_whole([row(gateway).study_uid], "its import ended")
    take_in(gateway, 2)
    assert settler.tick(row(gateway).last_received_at + 29) == []


# -- what workflows still need ------------------------------------------------------------------------------------


def test_a_quiet_study_waits_for_the_series_that_a_workflow_still_needs(
    gateway: Gateway, completeness: Completeness
) -> None:
    told, asked, now = ["TWO of pair"], list[str](), [0.0]

    def of(study_uid: str, _received_until: float) -> str:
        asked.append(study_uid)
        return told[0]

    needed = StillNeeded(of, patience=3.0)
    settler = Settler(gateway.index, 30.0, lambda: None, lambda: now[0], needed)
    take_in(gateway, 1)
    last = row(gateway).last_received_at
    settler.tick(last)
    assert asked == []  # it is not quiet for long enough anyhow
    for seconds in (31, 32, 33):
        now[0] = last + seconds
        assert settler.tick(last + seconds) == []
    assert len(asked) == 1  # not with each look
    assert waits_for(row(gateway), 30.0, last + 40, needed) == "TWO of pair, or 90 s of quiet, 40 s so far"
    assert settler.tick(last + 90) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "quiet for 90 s; TWO of pair did not come"


def test_what_a_workflow_no_longer_needs_is_no_longer_waited_for(gateway: Gateway) -> None:
    told, now = ["TWO of pair"], [0.0]
    needed = StillNeeded(lambda _study_uid, _received_until: told[0], patience=3.0)
    settler = Settler(gateway.index, 30.0, lambda: None, lambda: now[0], needed)
    take_in(gateway, 1)
    last = row(gateway).last_received_at
    now[0] = last + 31
    assert settler.tick(now[0]) == []
    told[0], now[0] = "", last + 42  # the workflow has been disabled, and is asked every ten seconds
    assert settler.tick(now[0]) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "quiet for 30 s"


def test_a_study_that_is_known_to_be_whole_waits_for_nothing(
    gateway: Gateway, completeness: Completeness
) -> None:
    needed = StillNeeded(lambda _study_uid, _received_until: "TWO of pair", patience=3.0)
    settler = Settler(gateway.index, 30.0, lambda: None, lambda: 0.0, needed)
    completeness.expect("lungs", STUDY, 1, "told by PACS research")
    take_in(gateway, 1)
    assert settler.tick(row(gateway).last_received_at) == [row(gateway).study_uid]


def test_time_without_the_service_is_not_waited_in(gateway: Gateway) -> None:
    needed = StillNeeded(lambda _study_uid, _received_until: "TWO of pair", patience=3.0)
    take_in(gateway, 1)
    last = row(gateway).last_received_at
    settler = Settler(gateway.index, 30.0, lambda: None, lambda: last + 1000, needed)
    assert settler.tick(last + 1089) == []
    assert settler.tick(last + 1090) == [row(gateway).study_uid]


def test_quiet_is_as_long_as_the_route_of_the_latest_object_says(gateway: Gateway, settler: Settler) -> None:
    gateway.routes.add(Route("SLOW", ANY, "lungs", settle_seconds=600))
    take_in(gateway, 1, calling="SLOW")
    last = row(gateway).last_received_at
    assert settler.tick(last + 599) == []
    assert waits_for(row(gateway), 30.0, last + 599) == "600 s of quiet, 599 s so far"
    take_in(gateway, 2)
    last = row(gateway).last_received_at
    assert settler.tick(last + 30) == [row(gateway).study_uid]


def test_a_long_quiet_of_a_route_counts_from_the_start_of_the_service_too(gateway: Gateway) -> None:
    gateway.routes.add(Route("SLOW", ANY, "lungs", settle_seconds=600))
    take_in(gateway, 1, calling="SLOW")
    restarted = row(gateway).last_received_at + 3600
    settler = Settler(gateway.index, 30.0, lambda: None, clock=lambda: restarted)
    assert settler.tick(restarted + 599) == []
    assert settler.tick(restarted + 600) == [row(gateway).study_uid]


# -- associations -----------------------------------------------------------------------------------------------------


@contextmanager
def listening(gateway: Gateway) -> Iterator[Peer]:
    """A listener to whom each association of SCANNER brings whole studies; all are over when the block has ended."""
    gateway.routes.add(Route("SCANNER", "ROR", "lungs", until_release=True))
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), gateway.intake)
    listener.start()
    try:
        yield Peer("ROR", "127.0.0.1", listener.port, "SCANNER")
    finally:
        listener.stop()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for number in range(3):
        one = minimal(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.1.{number}")
        (tmp_path / f"{number}.dcm").write_bytes(part10(one))
    return sorted(tmp_path.glob("*.dcm"))


def test_a_study_is_complete_when_its_association_is_released(
    gateway: Gateway, settler: Settler, files: list[Path]
) -> None:
    with listening(gateway) as peer:
        send(peer, files)
    assert settler.tick(row(gateway).last_received_at) == [row(gateway).study_uid]
    assert settle_reason(row(gateway)) == "its association was released"


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_association_that_breaks_has_not_brought_all(
    gateway: Gateway, settler: Settler, files: list[Path]
) -> None:
    with listening(gateway) as peer:
        entity = AE(ae_title="SCANNER")
        entity.add_requested_context(CTImageStorage)
        association = entity.associate(peer.host, peer.port, ae_title="ROR")
        association.send_c_store(files[0])
        association.abort()
    assert settler.tick(row(gateway).last_received_at + 29) == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_release_that_cannot_be_kept_leaves_it_to_quiet(
    gateway: Gateway, settler: Settler, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ServiceUnavailable("the database does not answer")

    monkeypatch.setattr(gateway.index, "sent_whole", away)
    with listening(gateway) as peer:
        send(peer, files)
    assert settler.tick(row(gateway).last_received_at + 29) == []
    assert settler.tick(row(gateway).last_received_at + 30) == [row(gateway).study_uid]
