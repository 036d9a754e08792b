"""The state tables: what is not in them is refused by the stores (tests/archive, tests/engine) and by the tables."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ror.model import (
    JOB_TRANSITIONS,
    STUDY_TRANSITIONS,
    JobSeries,
    JobState,
    StudyEvent,
    StudyState,
    job_id,
)


def reached(start: JobState) -> set[JobState]:
    found = {start}
    while more := {to for state in found for to in JOB_TRANSITIONS[state]} - found:
        found |= more
    return found


def test_an_object_that_is_filed_is_never_refused_for_the_state_of_its_study() -> None:
    assert all(
        STUDY_TRANSITIONS[state, StudyEvent.OBJECT_FILED] is StudyState.RECEIVING for state in StudyState
    )


def test_a_study_is_matched_only_when_it_is_settled() -> None:
    pairs = [pair for pair in itertools.product(StudyState, StudyEvent) if pair in STUDY_TRANSITIONS]
    assert [pair for pair in pairs if STUDY_TRANSITIONS[pair] is StudyState.MATCHED] == [
        (StudyState.SETTLED, StudyEvent.MATCH_RECORDED)
    ]
    assert len(pairs) == len(STUDY_TRANSITIONS) == 6


def test_every_event_leads_to_one_state() -> None:
    """The index moves a study with one UPDATE for each event."""
    for event in StudyEvent:
        assert len({to for (_state, on), to in STUDY_TRANSITIONS.items() if on is event}) == 1


def test_every_job_can_reach_an_end_and_every_state_is_reached() -> None:
    assert reached(JobState.QUEUED) == set(JobState)
    assert all(JobState.SUPERSEDED in reached(state) for state in JobState)
    assert JOB_TRANSITIONS[JobState.SUPERSEDED] == frozenset()


def test_a_job_succeeds_only_while_it_runs() -> None:
    assert [state for state in JobState if JobState.SUCCEEDED in JOB_TRANSITIONS[state]] == [JobState.RUNNING]


SERIES = st.lists(
    st.builds(JobSeries, *[st.text("abc.12", min_size=1, max_size=4) for _ in range(4)]), max_size=3
)


@given(st.text("ab", max_size=2), st.text("cd", max_size=2), st.text("ef", max_size=2), SERIES)
def test_the_id_of_a_job_is_its_content_and_nothing_else(
    workflow: str, digest: str, key: str, series: list[JobSeries]
) -> None:
    made = job_id(workflow, digest, key, series)
    assert made == job_id(workflow, digest, key, tuple(series))
    assert made.startswith(f"{workflow}-")
    grown = [JobSeries("CT", "9", "9", "9"), *series]
    assert job_id(workflow, digest, key, grown) != made
    assert job_id(workflow, digest + "0", key, series) != made
    assert job_id(workflow, digest, key + "0", series) != made
