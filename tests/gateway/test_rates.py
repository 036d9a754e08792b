"""Rates of senders: what is too fast is read later, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc import Peer, send
from ror.config import ListenerSettings
from ror.gateway import Listener
from ror.gateway.rates import Bucket, Rates
from ror.registry import Sender
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway

ONE, OTHER = Sender("CT", "ROR", "10.0.0.1"), Sender("MR", "ROR", "10.0.0.1")
MIB = 2**20


@given(
    rate=st.floats(0.5, 1e6),
    taken=st.lists(st.tuples(st.floats(0, 50), st.floats(0, 3)), min_size=1, max_size=50),
)
def test_who_waits_as_told_takes_no_more_than_its_rate_and_one_second_at_once(
    rate: float, taken: list[tuple[float, float]]
) -> None:
    bucket, now, all_taken, begun = Bucket(rate), 100.0, 0.0, 100.0
    for seconds_worth, idle in taken:
        now += idle
        wait = bucket.take(seconds_worth * rate, now)
        all_taken += seconds_worth
        now += wait
        assert all_taken <= (now - begun) + 1.0 + 1e-6
        assert wait <= seconds_worth + 1e-6  # whoever has paid is not made to wait for what others do


def rates(clock: float = 100.0, **settings: float) -> Rates:
    return Rates(ListenerSettings(**settings), threading.Event(), lambda: clock)  # type: ignore[arg-type]


def test_without_settings_nobody_waits() -> None:
    assert rates().owed(ONE, 10**6, 10**12) == 0


def test_a_sender_waits_for_its_own_rate_and_others_do_not() -> None:
    limited = rates(sender_objects_per_second=10, sender_mib_per_second=1)
    assert limited.owed(ONE, 10, 0) == 0  # a second's worth at once
    assert limited.owed(ONE, 5, 0) == pytest.approx(0.5)
    assert limited.owed(OTHER, 10, 0) == 0
    assert limited.owed(OTHER, 0, 4 * MIB) == pytest.approx(3)


def test_all_senders_wait_for_what_they_share() -> None:
    limited = rates(objects_per_second=10)
    assert limited.owed(ONE, 10, 0) == 0
    assert limited.owed(OTHER, 10, 0) == pytest.approx(1)


def test_senders_who_are_quiet_are_forgotten_and_those_who_owe_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ror.gateway.rates._MOST_SENDERS", 2)
    now = [100.0]
    limited = Rates(ListenerSettings(sender_objects_per_second=1), threading.Event(), lambda: now[0])
    limited.owed(ONE, 100, 0)
    limited.owed(OTHER, 1, 0)
    now[0] += 2
    limited.owed(Sender("PT", "ROR", "10.0.0.1"), 1, 0)
    assert len(limited._senders) == 2
    assert limited.owed(ONE, 1, 0) > 90


def test_a_wait_ends_with_the_service() -> None:
    stopping = threading.Event()
    stopping.set()
    limited = Rates(ListenerSettings(objects_per_second=1), stopping)
    begun = time.monotonic()
    limited.pace(ONE, 1000, 0)
    assert time.monotonic() - begun < 500


@pytest.fixture
def slow(gateway: Gateway) -> Iterator[Peer]:
    """A listener that takes ten objects a second."""
    settings = ListenerSettings(host="127.0.0.1", port=0, sender_objects_per_second=10)
    listener = Listener(settings, gateway.intake)
    listener.start()
    yield Peer("ROR", "127.0.0.1", listener.port, "SCANNER")
    listener.stop()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_sender_that_is_too_fast_is_slowed_down_and_all_its_objects_are_taken(
    slow: Peer, gateway: Gateway, tmp_path: Path
) -> None:
    files = []
    for number in range(21):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10(minimal(SOPInstanceUID=f"{ROOT}.4.{number}")))
    begun = time.monotonic()
    report = send(slow, files)
    assert time.monotonic() - begun >= 1.0  # 21 objects: ten at once, the last is read a second later
    assert len(report.stored) == 21
    (study,) = gateway.index.studies()
    assert study.instances == 21
