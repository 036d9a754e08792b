"""What is remembered of rooms while jobs are placed says what looking at all of them again would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ror.engine.capacity import Gpu, Host, Needs
from ror.engine.rooms import Rooms, Running, _waste

NOW = 1000.0
CARDS = st.sampled_from([(), (Gpu("0", 16), Gpu("1", 8))])
HOSTS = st.lists(
    st.builds(Host, st.just("x"), st.integers(1, 4), st.sampled_from([2.0, 4.0]), st.sampled_from([8, 16]), CARDS),
    min_size=1,
    max_size=5,
)  # fmt: skip
NEEDS = st.builds(
    Needs,
    cpus=st.sampled_from([1.0, 2.0]),
    memory_mib=st.sampled_from([2, 8]),
    gpu=st.booleans(),
    gpu_memory_mib=st.sampled_from([0, 8]),
    cpu_fallback=st.booleans(),
    seconds=st.sampled_from([10.0, 500.0]),
    slots=st.sampled_from([1, 1, 1, 0]),
)


@given(hosts=HOSTS, steps=st.lists(st.tuples(NEEDS, st.booleans()), max_size=25))
def test_the_best_room_is_the_best_of_all_that_fit_now(
    hosts: list[Host], steps: list[tuple[Needs, bool]]
) -> None:
    named = [Host(f"h{number}", *_without_name(host)) for number, host in enumerate(hosts)]
    rooms = Rooms(named, [], NOW)
    for number, (needs, keep) in enumerate(steps):
        on_gpu = rooms.on_gpu(needs)
        fitting = [room for room in rooms._rooms.values() if rooms._fits(room, needs, on_gpu)]
        expected = min(fitting, key=lambda room: _waste(room, needs), default=None)
        best = rooms.best(needs)
        assert best is expected
        if best is not None:
            gpu = best.card_for(needs) if on_gpu else None
            rooms.start(best, Running(f"j{number}", "p", "w", best.host.name, needs, NOW, gpu))
        elif keep:
            rooms.keep(needs)


@given(hosts=HOSTS, held=st.lists(NEEDS, max_size=12), wanted=NEEDS)
def test_room_is_kept_where_it_is_there_soonest(hosts: list[Host], held: list[Needs], wanted: Needs) -> None:
    named = [Host(f"h{number}", *_without_name(host)) for number, host in enumerate(hosts)]
    rooms = Rooms(named, [], NOW)
    for number, needs in enumerate(held):
        if room := rooms.best(needs):
            gpu = room.card_for(needs) if rooms.on_gpu(needs) else None
            rooms.start(room, Running(f"j{number}", "p", "w", room.host.name, needs, NOW - number, gpu))
    on_gpu = rooms.on_gpu(wanted)
    alone = [rooms._soonest(host.name, wanted, on_gpu, None) for host in rooms.suited(wanted)]
    expected = min(((one.at, one.room.host.name) for one in alone if one), default=None)
    kept = rooms.keep(wanted)
    assert (None if kept is None else kept[::-1]) == expected


def _without_name(host: Host) -> tuple[int, float, int, tuple[Gpu, ...]]:
    return host.slots, host.cpus, host.memory_mib, host.gpus
