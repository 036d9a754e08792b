"""Signals as a question: those that come together ask once, a later one does what it always does."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from ror.stopping import asked_to_stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def as_python_has_them() -> Iterator[None]:
    """Other tests, which run a command in this process, leave handlers behind."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
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
        at_once(*SIGNALS)
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
