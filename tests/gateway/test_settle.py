"""When studies settle: after a time of quiet in which something could have come. The clock is passed in."""

from __future__ import annotations

import logging
import threading

import pytest

from ror.archive import StillNeeded
from ror.errors import ServiceUnavailable
from ror.gateway import Settler
from tests.gateway.conftest import Gateway, received


class Clock:
    """A wall clock that is set by hand (s since the epoch)."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def study_of(gateway: Gateway) -> tuple[str, float]:
    """The one study, and when its last object came."""
    gateway.intake.receive(received())
    (study,) = gateway.index.studies()
    return study.study_uid, study.last_received_at


def test_a_study_settles_when_its_time_has_come_and_not_before(gateway: Gateway) -> None:
    told: list[str] = []
    study, last = study_of(gateway)
    settler = Settler(gateway.index, 30.0, lambda: told.append("settled"), Clock(last))
    assert settler.tick(last + 29.9) == []
    assert told == []
    assert settler.tick(last + 30.0) == [study]
    assert settler.tick(last + 31.0) == []
    assert told == ["settled"]


def test_a_resend_does_not_put_settling_off(gateway: Gateway) -> None:
    study, last = study_of(gateway)
    gateway.intake.receive(received())
    assert Settler(gateway.index, 30.0, lambda: None, Clock(last)).tick(last + 30.0) == [study]


def test_quiet_counts_from_the_start_of_the_service_at_the_earliest(gateway: Gateway) -> None:
    """The rest of a study may still be at the sender, who found nobody to take it."""
    study, last = study_of(gateway)
    restarted = last + 3600
    settler = Settler(gateway.index, 30.0, lambda: None, Clock(restarted))
    assert settler.tick(restarted + 0.2) == []
    assert settler.tick(restarted + 29.9) == []
    assert settler.tick(restarted + 30.0) == [study]


def test_quiet_counts_from_the_end_of_an_outage_of_the_database_at_the_earliest(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, last = study_of(gateway)
    settler = Settler(gateway.index, 30.0, lambda: None, Clock(last))
    with monkeypatch.context() as away:
        away.setattr(gateway.index, "settle", _away)
        settler.look(last + 1)
    settler.look(last + 100)
    assert gateway.index.settled() == []
    settler.look(last + 129.9)
    assert gateway.index.settled() == []
    settler.look(last + 130)
    assert gateway.index.settled() == [study]


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settler = Settler(gateway.index, 30.0, lambda: None, Clock(0.0))
    for outage in (100.0, 200.0):
        caplog.clear()
        with monkeypatch.context() as away:
            away.setattr(gateway.index, "settle", _away)
            pauses = [settler.look(outage + second) for second in range(12)]
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (0.4, 15.0)
        assert [settler.look(outage + 20 + second) for second in range(3)] == [0.2] * 3
        assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_settling_goes_on_by_itself_after_the_database_was_away(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, settled, calls = gateway.index.settle, threading.Event(), []

    def away_at_first(
        settle_seconds: float, now: float, there_for: float, needed: StillNeeded
    ) -> dict[str, str]:
        calls.append(now)
        if len(calls) == 1:
            _away()
        return settle(settle_seconds, now, there_for, needed)

    monkeypatch.setattr(gateway.index, "settle", away_at_first)
    gateway.intake.receive(received())
    settler = Settler(gateway.index, 0.0, settled.set)
    settler.start()
    assert settled.wait(60)
    settler.stop()


def test_settling_goes_on_after_a_fault_that_nobody_expected(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study, last = study_of(gateway)
    settler = Settler(gateway.index, 30.0, lambda: None, Clock(last))
    with monkeypatch.context() as patched:
        patched.setattr(gateway.index, "settle", _broken)
        pauses = [settler.look(last + 30.0) for _ in range(3)]
    assert pauses == sorted(pauses) and pauses[0] < pauses[-1]
    assert caplog.text.count("internal error") == 1
    settler.look(last + 60.0)  # from here on it is quiet, as after an outage
    assert settler.tick(last + 90.0) == [study]


def _broken(*_: object, **__: object) -> None:
    raise ValueError("a fault of ours")


def _away(*_: object, **__: object) -> None:
    raise ServiceUnavailable("the database does not answer")
