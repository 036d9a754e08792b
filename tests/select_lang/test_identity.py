"""The id of a job is made of content alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang import Level, evaluate, match_id, read, write
from select_lang.tree import Statement
from tests.select_lang.builders import series
from tests.select_lang.trees import catalogues, selects

TEXT = "select study where series named T1 has Modality = MR and NumImages > 10"
CATALOGUE = [
    series("1.1", Modality="MR", NumImages="20", StudyDate="20200101"),
    series("1.2", Modality="MR", NumImages="30", StudyDate="20200101"),
]


def ids(text: str, catalogue=CATALOGUE) -> list[str]:
    statement = read(text)
    return [match_id(statement, match) for match in evaluate(statement, catalogue)]


def test_it_is_the_same_on_every_machine():
    assert ids(TEXT) == ["9947b146fcb1903037aa"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Study WHERE Series NAMED 'T1' HAS ((0008,0060) == \"MR\") AND ((NumImages > 10));",
        "/* any */ select where series named T1 has Modality = MR and NumImages > 10 -- MR",
        "select study from project where study named T1 has Modality = MR and NumImages > 10",
    ],
)
def test_the_spelling_of_a_statement_does_not_change_it(text):
    assert ids(text) == ids(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("T1", "T2"),
        TEXT.replace("10", "11"),
        TEXT.replace("study", "patient"),
        TEXT + " shared",
        TEXT.replace("study", "study from earliest study"),
    ],
)
def test_another_meaning_makes_another_id(text):
    assert len(ids(text)) == 1
    assert ids(text) != ids(TEXT)


def test_other_series_make_another_job_and_other_values_of_theirs_do_not():
    assert ids(TEXT, CATALOGUE[:1]) != ids(TEXT)
    other = [
        series("1.1", Modality="MR", NumImages="21", StudyDate="20300101"),
        series("1.2", Modality="MR", NumImages="31", StudyDate="20200101"),
    ]
    assert ids(TEXT, other) == ids(TEXT)


@settings(deadline=None, max_examples=50)
@given(selects(), catalogues(), st.randoms())
def test_neither_the_order_of_the_catalogue_nor_writing_the_statement_changes_it(select, catalogue, random):
    statement = Statement(select)
    matches = evaluate(statement, catalogue)
    shuffled = list(catalogue)
    random.shuffle(shuffled)
    again = read(write(statement))
    assert [match_id(statement, one) for one in matches] == [
        match_id(again, one) for one in evaluate(again, shuffled)
    ]


@settings(deadline=None, max_examples=50)
@given(selects(), catalogues())
def test_the_jobs_of_a_statement_have_an_id_each(select, catalogue):
    statement = Statement(select)
    matches = evaluate(statement, catalogue)
    found = {match_id(statement, one) for one in matches}
    assert len(found) == len({one.series for one in matches})
    assert statement.level is not Level.PROJECT or len(found) <= 1
