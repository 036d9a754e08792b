"""Signals as a question: those that come together ask once, a later one does what it always does."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from ror.stopping import asked_to_stop, unwound

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def as_python_has_them() -> Iterator[None]:
    """Other tests, which run a command in this process, leave handlers behind."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def at_once(*numbers: signal.Signals) -> None:
    """Raise signals that are all waiting before the first is seen to."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    for number in numbers:
        signal.raise_signal(number)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_signals_that_come_together_ask_once_and_none_is_complained_about(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    with asked_to_stop(lambda: 100.0) as stop:
        assert not stop.asked
        at_once(signal.SIGINT, signal.SIGTERM)
        at_once(signal.SIGTERM)
        assert stop.asked
    assert [signal.getsignal(one) for one in SIGNALS] == before
    assert capfd.readouterr().err == ""


def test_a_later_signal_does_what_it_always_does() -> None:
    times = iter([100.0, 101.5])
    with pytest.raises(KeyboardInterrupt), asked_to_stop(lambda: next(times)) as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_terminated_puts_away_what_is_temporary_also_when_told_twice(number: signal.Signals) -> None:
    put_away = False
    with pytest.raises(SystemExit) as end, unwound(lambda: 100.0):
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            put_away = True
    assert put_away
    assert end.value.code == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_later_signal_ends_what_does_not_come_to_its_end() -> None:
    later = []
    signal.signal(signal.SIGTERM, lambda *_: later.append("as before"))
    times = iter([100.0, 101.5])
    with pytest.raises(SystemExit), unwound(lambda: next(times)):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
    assert later == ["as before"]


def test_the_end_of_a_terminal_is_nothing_to_who_ignores_it() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with unwound():
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
