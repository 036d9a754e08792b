"""Which job starts where: as a table, and what is promised whatever comes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ror.engine.capacity import BEHIND_THE_RUN, Gpu, Host, Needs, Room
from ror.engine.placement import Line, Plan, Priority, Rules, Running, Waiting, place

NOW = 10_000.0
SMALL = Needs(cpus=1.0, memory_mib=1000, seconds=100.0)
WHOLE = Needs(cpus=4.0, memory_mib=8000, seconds=100.0)
ON_GPU = Needs(cpus=1.0, memory_mib=1000, gpu=True, gpu_memory_mib=8000, seconds=100.0)
PLAIN = Host("plain", slots=4, cpus=4.0, memory_mib=8000)
CARDS = Host("cards", 4, 8.0, 32000, (Gpu("0", 16000), Gpu("1", 8000)), frozenset({"gpu", "a100"}))


def line(
    needs: Needs, *jobs: str, project: str = "p", workflow: str = "w", since: float = 0.0, **more: object
) -> Line:
    waiting = [Waiting(job, NOW - 100.0 + since + number) for number, job in enumerate(jobs)]
    return Line(project, workflow, needs, waiting, **more)  # type: ignore[arg-type]


def running(job: str, needs: Needs, host: str, gpu: str | None = None, workflow: str = "w") -> Running:
    return Running(job, "p", workflow, host, needs, NOW - 10.0, gpu)


def starts(plan: Plan) -> dict[str, tuple[str, str | None]]:
    return {one.job: (one.host, one.gpu) for one in plan.starts}


@pytest.mark.parametrize(
    ("hosts", "held", "lines", "expected"),
    [
        pytest.param([PLAIN], [], [line(SMALL, "a", "b")], {"a": ("plain", None), "b": ("plain", None)}, id="two fit"),
        pytest.param([], [], [line(SMALL, "a")], {}, id="no host"),
        pytest.param([PLAIN], [], [line(ON_GPU, "a")], {}, id="no card"),
        pytest.param([PLAIN, CARDS], [], [line(SMALL, "a")], {"a": ("plain", None)}, id="cards are left free"),
        pytest.param([CARDS], [], [line(ON_GPU, "a")], {"a": ("cards", "1")}, id="the smallest card that is enough"),
        pytest.param(
            [CARDS],
            [running("x", ON_GPU, "cards", "1")],
            [line(ON_GPU, "a", "b", "c")],
            {"a": ("cards", "0"), "b": ("cards", "0")},
            id="a card is shared while its memory allows",
        ),
        pytest.param(
            [CARDS],
            [running("x", ON_GPU, "cards", "0")],
            [line(replace(ON_GPU, gpu_memory_mib=0), "a", "b")],
            {"a": ("cards", "1")},
            id="a card of its own",
        ),
        pytest.param(
            [PLAIN],
            [],
            [line(replace(ON_GPU, cpu_fallback=True), "a")],
            {"a": ("plain", None)},
            id="on the processor where there is no card",
        ),
        pytest.param(
            [PLAIN, CARDS],
            [running("x", ON_GPU, "cards", "1"), running("y", replace(ON_GPU, gpu_memory_mib=16000), "cards", "0")],
            [line(replace(ON_GPU, cpu_fallback=True), "a")],
            {},
            id="but not where a card is only busy",
        ),
        pytest.param(
            [PLAIN, CARDS], [], [line(replace(SMALL, labels=frozenset({"a100"})), "a")], {"a": ("cards", None)},
            id="label",
        ),
        pytest.param([PLAIN], [], [line(replace(SMALL, labels=frozenset({"h100"})), "a")], {}, id="no such label"),
        pytest.param([PLAIN], [], [line(replace(SMALL, memory_mib=8001), "a")], {}, id="too much memory"),
        pytest.param([PLAIN], [], [line(replace(SMALL, cpus=64.0), "a")], {"a": ("plain", None)}, id="cores"),
        pytest.param(
            [replace(PLAIN, in_flight=1)], [running("x", BEHIND_THE_RUN, "plain")], [line(SMALL, "a")], {}, id="jobs"
        ),
        pytest.param(
            [replace(PLAIN, slots=1)],
            [running("x", SMALL, "plain")],
            [line(BEHIND_THE_RUN, "a")],
            {"a": ("plain", None)},
            id="whose program has ended needs no room",
        ),
        pytest.param([PLAIN], [running("x", SMALL, "gone")], [line(WHOLE, "a")], {"a": ("plain", None)}, id="lost"),
    ],
)  # fmt: skip
def test_a_job_starts_where_it_fits(
    hosts: list[Host], held: list[Running], lines: list[Line], expected: dict[str, tuple[str, str | None]]
) -> None:
    assert starts(place(hosts, held, lines, NOW, Rules())) == expected


ONE_SLOT = [replace(PLAIN, slots=1)]
NEWER = line(SMALL, "new", workflow="v", since=50.0)
OLDER = line(SMALL, "old", workflow="w")


@pytest.mark.parametrize(
    ("lines", "rules", "first"),
    [
        pytest.param([NEWER, OLDER], Rules(), "old", id="first come, first served"),
        pytest.param([replace(NEWER, priority=Priority.URGENT), OLDER], Rules(), "new", id="urgent"),
        pytest.param([NEWER, replace(OLDER, priority=Priority.OFF_PEAK)], Rules(), "new", id="off-peak last"),
        pytest.param([replace(OLDER, priority=Priority.OFF_PEAK)], Rules(off_peak=False), None, id="not yet off-peak"),
        pytest.param([NEWER, replace(OLDER, project="q")], Rules(used={"q": 10.0}), "new", id="who has used less"),
        pytest.param(
            [NEWER, replace(OLDER, project="q")],
            Rules(used={"q": 10.0, "p": 6.0}, weights={"q": 2.0}),
            "old",
            id="by weight",
        ),
        pytest.param([NEWER, OLDER], Rules(caps={"w": 0}), "new", id="cap"),
        pytest.param([NEWER, OLDER], Rules(caps={"w": 1}), "old", id="below its cap"),
    ],
)  # fmt: skip
def test_one_slot_goes_to(lines: list[Line], rules: Rules, first: str | None) -> None:
    plan = place(ONE_SLOT, [], lines, NOW, rules)
    assert [one.job for one in plan.starts] == ([first] if first else [])


def test_running_jobs_count_against_the_cap_of_their_workflow() -> None:
    held = [running("x", SMALL, "plain"), running("y", BEHIND_THE_RUN, "plain")]
    plan = place([PLAIN], held, [line(SMALL, "a", "b", "c")], NOW, Rules(caps={"w": 2}))
    assert list(starts(plan)) == ["a"]


def test_room_is_kept_for_a_job_that_needs_the_whole_host() -> None:
    held = [running("x", replace(SMALL, seconds=500.0), "plain")]
    big, quick = line(WHOLE, "big", workflow="v"), line(SMALL, "quick", since=1.0)
    slow = line(replace(SMALL, seconds=5000.0), "slow", workflow="u", since=2.0)
    plan = place([PLAIN], held, [big, quick, slow], NOW, Rules())
    assert list(starts(plan)) == ["quick"]  # it ends before x does
    assert plan.reserved["big"] == ("plain", held[0].ends_by)


# -- whatever comes ---------------------------------------------------------------------------------------------------

needs = st.builds(
    Needs,
    cpus=st.sampled_from([0.5, 1.0, 4.0]),
    memory_mib=st.sampled_from([100, 1000, 6000]),
    gpu=st.booleans(),
    gpu_memory_mib=st.sampled_from([0, 4000, 12000]),
    cpu_fallback=st.booleans(),
    labels=st.sampled_from([frozenset(), frozenset({"a"})]),
    seconds=st.sampled_from([10.0, 100.0, 1000.0]),
)
cards = st.lists(st.sampled_from([4000, 16000]), max_size=2).map(
    lambda sizes: tuple(Gpu(str(number), size) for number, size in enumerate(sizes))
)
hosts = st.lists(
    st.builds(
        Host,
        name=st.just("h"),
        slots=st.integers(1, 4),
        cpus=st.sampled_from([1.0, 4.0, 8.0]),
        memory_mib=st.sampled_from([1000, 8000]),
        gpus=cards,
        labels=st.sampled_from([frozenset(), frozenset({"a"})]),
    ),
    min_size=1,
    max_size=3,
).map(lambda found: [replace(host, name=f"h{number}") for number, host in enumerate(found)])
lines = st.lists(
    st.builds(
        lambda project, needs, priority, number: (project, needs, priority, number),
        st.sampled_from(["p", "q", "r"]),
        needs,
        st.sampled_from(list(Priority)),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=6,
).map(
    lambda made: [
        Line(project, f"w{at}", what, [Waiting(f"{at}-{one}", float(one)) for one in range(number)], priority)
        for at, (project, what, priority, number) in enumerate(made)
    ]
)


@given(hosts, lines, st.integers(0, 3))
def test_no_host_and_no_card_is_given_more_than_it_has(found: list[Host], made: list[Line], cap: int) -> None:
    plan = place(found, [], made, NOW, Rules(caps={"w0": cap}))
    of = {job.job: one for one in made for job in one.jobs}
    rooms = {host.name: Room.of(host) for host in found}
    for start in plan.starts:
        needed = of[start.job].needs
        host = rooms[start.host].host
        assert needed.labels <= host.labels
        assert start.gpu is not None if needed.gpu and not needed.cpu_fallback else True
        rooms[start.host].take(needed, start.gpu)
    for room in rooms.values():
        assert room.slots >= 0 and room.cpus >= -1e-6 and room.memory_mib >= 0
        assert all(free >= 0 for free in room.gpus.values())
    assert sum(start.job.startswith("0-") for start in plan.starts) <= cap
    assert len({start.job for start in plan.starts}) == len(plan.starts)
    # Of each line, the first ones.
    for one in made:
        started = [job.job in starts(plan) for job in one.jobs]
        assert started == sorted(started, reverse=True)


@given(hosts, lines)
def test_nothing_waits_for_room_that_nobody_is_kept_it_for(found: list[Host], made: list[Line]) -> None:
    plan = place(found, [], made, NOW, Rules())
    rooms = {host.name: Room.of(host) for host in found}
    of = {job.job: one for one in made for job in one.jobs}
    for start in plan.starts:
        rooms[start.host].take(of[start.job].needs, start.gpu)
    kept = {host for host, _ in plan.reserved.values()}
    for one in made:
        if one.needs.gpu or any(job.job in plan.reserved for job in one.jobs):
            continue
        if all(job.job in starts(plan) for job in one.jobs):
            continue
        for room in rooms.values():
            fits = room.has_for(one.needs, gpu=False) and room.host.suits(one.needs)
            assert not fits or room.host.name in kept


@dataclass
class Cluster:
    """Hosts over time: jobs run for as long as they may, and what arrives waits."""

    hosts: Sequence[Host]
    now: float = NOW

    def __post_init__(self) -> None:
        self.running: list[Running] = []
        self.waiting: dict[str, tuple[Line, float, float | None]] = {}
        self.used: dict[str, float] = defaultdict(float)
        self.served: dict[tuple[str, str], float] = {}
        self.began: dict[str, float] = {}

    def arrives(self, one: Line) -> None:
        for job in one.jobs:
            self.waiting[job.job] = (one, self.now, None)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.running = [one for one in self.running if one.since + one.needs.seconds > self.now]
        queued: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
        lines: dict[tuple[str, str], Line] = {}
        for job, (one, since, reserved_at) in self.waiting.items():
            lines[one.project, one.workflow] = one
            queued[one.project, one.workflow].append(Waiting(job, since, reserved_at))
        made = [
            replace(one, jobs=queued[key], served_at=self.served.get(key, 0.0)) for key, one in lines.items()
        ]
        plan = place(self.hosts, self.running, made, self.now, Rules(used=dict(self.used)))
        for job in plan.reserved:
            one, since, reserved_at = self.waiting[job]
            self.waiting[job] = one, since, reserved_at or self.now
        for start in plan.starts:
            one, _, _ = self.waiting.pop(start.job)
            self.began[start.job] = self.now
            self.served[one.project, one.workflow] = self.now
            self.used[one.project] += start.share * one.needs.seconds
            self.running.append(
                Running(start.job, one.project, one.workflow, start.host, one.needs, self.now, start.gpu)
            )


@settings(max_examples=25)
@given(st.data())
def test_a_job_that_needs_a_whole_host_is_not_passed_by_for_ever(data: st.DataObject) -> None:
    """Small jobs of its own project and of others keep coming, and would always fit."""
    cluster = Cluster([replace(PLAIN, name=f"h{one}") for one in range(data.draw(st.integers(1, 3)))])
    projects = st.sampled_from(["p", "q", "r"])
    length = st.sampled_from([20.0, 100.0, 300.0])
    for step in range(400):
        if step == 20:
            cluster.arrives(line(WHOLE, "big", project="p", workflow="big"))
        for number in range(data.draw(st.integers(0, 4)) if step % 10 == 0 else 2):
            project = data.draw(projects) if step % 10 == 0 else ("p", "q", "r")[(step + number) % 3]
            seconds = data.draw(length) if step % 10 == 0 else 100.0
            small = replace(SMALL, seconds=seconds)
            cluster.arrives(line(small, f"{step}-{number}", project=project, workflow=f"w{seconds:g}"))
        cluster.passes(30.0)
    assert "big" in cluster.began
    # One time limit of what ran, for each of those that were in line for the same room before; no more.
    assert cluster.began["big"] - (NOW + 20 * 30.0) < 3600.0


@pytest.mark.parametrize("weights", [{}, {"q": 3.0}])
def test_projects_share_a_full_host_by_their_weights(weights: dict[str, float]) -> None:
    """One project queues a hundred jobs at once, another comes later with as many."""
    order: list[str] = []
    queues = {"p": [f"p{one:03}" for one in range(100)], "q": [f"q{one:03}" for one in range(100)]}
    used = {"p": 0.0, "q": 0.0}
    served = {"p": NOW, "q": NOW}
    for step in range(80):
        now = NOW + step * 100.0
        made = [
            line(SMALL, *queue, project=name, workflow=name, served_at=served[name])
            for name, queue in queues.items()
        ]
        (start,) = place(ONE_SLOT, [], made, now, Rules(used=used, weights=weights)).starts
        project = start.job[0]
        served[project] = now
        queues[project].remove(start.job)
        used[project] += start.share * SMALL.seconds
        order.append(project)
    got = Counter(order)
    assert got["q"] / got["p"] == pytest.approx(weights.get("q", 1.0), rel=0.1)
    assert order[:2] == ["p", "q"]


def test_of_urgent_and_normal_lines_that_always_have_jobs_the_urgent_one_is_served() -> None:
    urgent = line(SMALL, "u", project="q", priority=Priority.URGENT)
    assert list(starts(place(ONE_SLOT, [], [OLDER, urgent], NOW, Rules(used={"q": 1e9})))) == ["u"]
