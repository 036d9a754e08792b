"""Writing behind: everything is written once and in order, whatever fails in between, and whoever asks can wait."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror.archive.group import Group
from ror.errors import ServiceUnavailable


class Writer:
    """Writes what it is given into a list, but fails as often as it is told to."""

    def __init__(self, faults: Sequence[Exception] = ()) -> None:
        self.written: list[int] = []
        self.batches: list[int] = []
        self._faults = list(faults)

    def __call__(self, batch: Sequence[int]) -> None:
        if self._faults:
            raise self._faults.pop(0)
        self.written += batch
        self.batches.append(len(batch))


def flushed(group: Group[int]) -> bool:
    try:
        group.flush()
    except ServiceUnavailable:
        return False
    return True


FAULTS = st.sampled_from([OSError("full"), ServiceUnavailable("locked"), ValueError("a bug")])


@given(
    steps=st.lists(st.one_of(st.integers(), st.just("flush")), max_size=30),
    faults=st.lists(FAULTS, max_size=3),
)
def test_everything_is_written_once_and_in_order_whatever_fails(
    steps: list[int | str], faults: list[Exception]
) -> None:
    writer = Writer(faults)
    group = Group(writer, 1000)
    for step in steps:
        if isinstance(step, int):
            group.add(step)
        else:
            flushed(group)
    assert any(flushed(group) for _ in range(len(faults) + 1))
    assert writer.written == [step for step in steps if isinstance(step, int)]


def test_who_flushes_is_told_why_not_and_the_next_time_all_is_written() -> None:
    writer = Writer([OSError("the disk is gone")])
    group = Group(writer, 1000)
    group.add(1)
    with pytest.raises(ServiceUnavailable, match="cannot be indexed") as told:
        group.flush()
    assert str(told.value.__cause__) == "the disk is gone"
    group.flush()
    assert writer.written == [1]


def test_what_many_threads_add_is_written_when_each_of_them_has_flushed() -> None:
    writer = Writer()
    group: Group[int] = Group(writer, 1000)
    missed: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 50):
            group.add(number)
        group.flush()
        missed.extend(set(range(first, first + 50)) - set(writer.written))

    threads = [threading.Thread(target=work, args=[100 * number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []
    assert len(writer.written) == len(set(writer.written)) == 300
    assert len(writer.batches) < 300


def test_there_is_room_again_when_what_waited_is_written() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(_batch: Sequence[int]) -> None:
        begun.set()
        go_on.wait(60)

    group = Group(write, 3)
    for number in range(3):
        group.require_room()
        group.add(number)
    assert begun.wait(60)
    with pytest.raises(ServiceUnavailable, match="3 objects wait to be indexed"):
        group.require_room()
    go_on.set()
    group.flush()
    group.require_room()


def test_nothing_to_write_is_written_at_once() -> None:
    Group(Writer(), 3).flush()
