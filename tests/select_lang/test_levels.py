"""What one job is at each level, and in which order its series come."""

import pytest
from hypothesis import given, settings

from select_lang import Level, evaluate, read
from select_lang.tree import Statement
from tests.select_lang.builders import jobs, series
from tests.select_lang.trees import catalogues, selects

T1_AND_T2 = "where named T1 has SeriesDescription = T1 also where named T2 has SeriesDescription = T2"
CATALOGUE = [
    series("1.t1", "1", "P1", SeriesDescription="T1", StudyDate="20200101"),
    series("1.t2", "1", "P1", SeriesDescription="T2", StudyDate="20200101"),
    series("2.t1", "2", "P1", SeriesDescription="T1", StudyDate="20210101"),
    series("3.t2", "3", "P2", SeriesDescription="T2", StudyDate="20200101"),
    series("4.t1", "4", "P3", SeriesDescription="T1", StudyDate="20200101"),
    series("5.t2", "5", "P3", SeriesDescription="T2", StudyDate="20190101"),
]


def test_series_makes_a_job_of_each_series_under_its_name():
    found = jobs(f"select series {T1_AND_T2}", *CATALOGUE[:3])
    assert found == {"1.t1": {"T1": ["1.t1"]}, "1.t2": {"T2": ["1.t2"]}, "2.t1": {"T1": ["2.t1"]}}


def test_study_needs_every_name_in_the_same_study():
    assert jobs(f"select study {T1_AND_T2}", *CATALOGUE) == {"1": {"T1": ["1.t1"], "T2": ["1.t2"]}}


@pytest.mark.parametrize("word", ["patient", "participant", "Participant"])
def test_patient_needs_every_name_somewhere_in_the_patient(word):
    assert jobs(f"select {word} {T1_AND_T2}", *CATALOGUE) == {
        "P1": {"T1": ["1.t1", "2.t1"], "T2": ["1.t2"]},
        "P3": {"T1": ["4.t1"], "T2": ["5.t2"]},
    }


def test_project_is_one_job_over_the_patients_that_are_complete():
    assert jobs(f"select project {T1_AND_T2}", *CATALOGUE) == {
        "project": {"T1": ["1.t1", "2.t1", "4.t1"], "T2": ["1.t2", "5.t2"]}
    }
    assert jobs(f"select project {T1_AND_T2}", CATALOGUE[0]) == {}


def test_a_statement_without_a_level_selects_studies():
    assert read("select where Modality = CT").level is Level.STUDY
    assert read("select from patient where Modality = CT").level is Level.STUDY


def test_wheres_without_a_name_are_called_series_and_each_must_find_its_own():
    text = "select study where SeriesDescription = T1 also where SeriesDescription = T2"
    assert read(text).names == ("series",)
    assert jobs(text, *CATALOGUE) == {"1": {"series": ["1.t1", "1.t2"]}}


def test_several_series_of_a_name_come_by_date_time_number_and_uid():
    wanted = [
        series("g", StudyDate="20190101", StudyTime="230000", SeriesNumber="9"),
        series("f", StudyDate="20200101", StudyTime="080000", SeriesNumber="7"),
        series("e", StudyDate="20200101", StudyTime="090000", SeriesNumber="2"),
        series("c", StudyDate="20200101", StudyTime="090000", SeriesNumber="10"),
        series("d", StudyDate="20200101", StudyTime="090000", SeriesNumber="10"),
        series("b", StudyDate="20200101", StudyTime="090000"),
        series("a2", StudyDate="20200101"),
        series("a1"),
    ]
    (match,) = evaluate(read("select study where everything"), reversed(wanted))
    assert [one.series_uid for one in match.series] == [one.uid for one in wanted]


def test_names_come_in_the_order_of_the_statement_and_not_of_the_series():
    text = "select study where named T2 has SeriesDescription = T2 also where named T1 has SeriesDescription = T1"
    (match,) = evaluate(read(text), CATALOGUE)
    assert [one.name for one in match.series] == ["T2", "T1"]


@settings(deadline=None)
@given(selects(), catalogues())
def test_no_job_is_empty_and_every_job_is_of_the_catalogue(select, catalogue):
    statement = read_checked(select)
    known = {one.uid for one in catalogue}
    matches = evaluate(statement, catalogue)
    assert len({match.key for match in matches}) == len(matches)
    for match in matches:
        assert match.series and {one.series_uid for one in match.series} <= known
        uids = [one.series_uid for one in match.series]
        assert len(set(uids)) == len(uids) or any(where.choice.shared for where in select.wheres)
        needed = {where.called for where in select.wheres if where.choice.required}
        assert needed <= {one.name for one in match.series} or match.level is Level.SERIES


@settings(deadline=None)
@given(selects(), catalogues())
def test_the_order_of_the_catalogue_does_not_matter(select, catalogue):
    statement = read_checked(select)
    assert evaluate(statement, catalogue) == evaluate(statement, list(reversed(catalogue)))


def read_checked(select) -> Statement:
    from select_lang.check import check

    return check(select)
