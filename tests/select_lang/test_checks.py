"""`check` keeps the series that take part in a combination which satisfies it."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang import evaluate, explain, read
from select_lang.joining import taking_part, ways
from select_lang.logic import truth
from select_lang.rules import join_truth
from tests.select_lang.builders import jobs, series
from tests.select_lang.trees import joins

AX_AND_COR = "where named AX has Modality = MR also where named COR has Modality = CT"


def ax(uid: str, study: str = "1", patient: str = "P1", **attributes: str):
    return series(uid, study, patient, Modality="MR", **attributes)


def cor(uid: str, study: str = "1", patient: str = "P1", **attributes: str):
    return series(uid, study, patient, Modality="CT", **attributes)


def test_all_series_that_have_a_partner_stay():
    text = f"select study {AX_AND_COR} check AX@EchoTime = COR@EchoTime"
    catalogue = [
        ax("a1", EchoTime="1"),
        ax("a2", EchoTime="2"),
        cor("c1", EchoTime="1.0"),
        cor("c2", EchoTime="1"),
    ]
    assert jobs(text, *catalogue) == {"1": {"AX": ["a1"], "COR": ["c1", "c2"]}}


def test_names_that_the_check_does_not_mention_keep_all_their_series():
    text = f"select study {AX_AND_COR} also where named PT has Modality = PT check AX@EchoTime = COR@EchoTime"
    others = [series(uid, Modality="PT") for uid in ("p1", "p2")]
    found = jobs(text, ax("a", EchoTime="1"), cor("c", EchoTime="1"), *others)
    assert found == {"1": {"AX": ["a"], "COR": ["c"], "PT": ["p1", "p2"]}}


def test_the_comparisons_must_hold_for_the_same_combination():
    text = (
        f"select study {AX_AND_COR} check AX@EchoTime = COR@EchoTime and AX@SeriesNumber = COR@SeriesNumber"
    )
    catalogue = [
        ax("a", EchoTime="1", SeriesNumber="1"),
        cor("c1", EchoTime="1"),
        cor("c2", SeriesNumber="1"),
    ]
    assert jobs(text, *catalogue) == {}


def test_a_check_compares_within_a_patient_and_drops_patients_of_a_project():
    text = f"select project {AX_AND_COR} check AX@StudyDate < COR@StudyDate"
    catalogue = [
        ax("a1", "1", "P1", StudyDate="20200101"),
        cor("c1", "2", "P1", StudyDate="20210101"),
        ax("a2", "3", "P2", StudyDate="20200101"),
        cor("c2", "4", "P2", StudyDate="20190101"),
    ]
    assert jobs(text, *catalogue) == {"project": {"AX": ["a1"], "COR": ["c1"]}}


def test_an_absent_attribute_satisfies_neither_a_check_nor_its_not():
    for operator in ("=", "!=", "<", ">="):
        check = f"AX@EchoTime {operator} COR@EchoTime"
        assert not jobs(f"select study {AX_AND_COR} check {check}", ax("a", EchoTime="1"), cor("c"))
        assert not jobs(f"select study {AX_AND_COR} check not {check}", ax("a", EchoTime="1"), cor("c"))


def test_two_checks_must_both_hold():
    text = f"select study {AX_AND_COR} check AX@EchoTime <= COR@EchoTime check AX@EchoTime >= COR@EchoTime"
    assert jobs(text, ax("a", EchoTime="1"), cor("c", EchoTime="1"))
    assert not jobs(text, ax("a", EchoTime="1"), cor("c", EchoTime="2"))


def test_one_equal_pair_of_several_values_is_enough():
    text = f"select study {AX_AND_COR} check AX@ImageType = COR@ImageType"
    assert jobs(text, ax("a", ImageType="A\\B"), cor("c", ImageType="C\\B"))


values = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("EchoTime", "NumImages"), st.sampled_from(["1", "2", "3", "x"]))
)


@settings(deadline=None)
@given(
    st.lists(joins(["A", "B", "C"]), min_size=1, max_size=2),
    st.tuples(*[st.lists(values, min_size=1, max_size=3)] * 3),
)
def test_what_stays_is_what_trying_every_combination_finds(checks, attributes):
    found = {
        name: [series(f"{name}{number}", **one) for number, one in enumerate(of_name)]
        for name, of_name in zip("ABC", attributes, strict=True)
    }
    if ways(checks) > 64:
        return
    staying = {name: set() for name in found}
    for combination in itertools.product(*found.values()):
        chosen = dict(zip(found, combination, strict=True))
        if all(truth(check, lambda join, chosen=chosen: join_truth(join, chosen)) for check in checks):
            for name, one in chosen.items():
                staying[name].add(one.uid)
    expected = {
        name: [one.uid for one in of_name if one.uid in staying[name]] for name, of_name in found.items()
    }
    result = taking_part(checks, found)
    if not any(expected.values()):
        assert result is None
    else:
        assert {name: [one.uid for one in of_name] for name, of_name in result.items()} == expected


def test_a_hundred_series_of_each_name_that_do_not_fit_are_seen_not_to_without_trying_every_combination():
    text = """select study where named A has Modality = A also where named B has Modality = B
      also where named C has Modality = C check A@EchoTime = C@EchoTime or A@EchoTime = B@EchoTime"""
    catalogue = [series(f"{n}", Modality="ABC"[n % 3], EchoTime=str(n)) for n in range(300)]
    assert jobs(text, *catalogue) == {}


def test_many_names_that_must_all_differ_are_seen_not_to_have_series_enough():
    """Seven names and six series: each pair of names differs, but there is no combination."""
    names = [f"N{number}" for number in range(7)]
    wheres = " also ".join(f"where named {name} has Modality = MR shared" for name in names)
    differ = " and ".join(
        f"{a}@SeriesInstanceUID != {b}@SeriesInstanceUID" for a, b in itertools.combinations(names, 2)
    )
    statement = read(f"select study {wheres} check {differ}")
    few = [series(f"1.{number}", Modality="MR") for number in range(6)]
    assert evaluate(statement, few) == ()
    assert len(evaluate(statement, [*few, series("1.6", Modality="MR")])) == 1


def test_checks_in_a_circle_that_cannot_be_told_in_time_say_so():
    names = [f"N{number}" for number in range(12)]
    wheres = " also ".join(f"where named {name} has Modality = MR shared" for name in names)
    differ = " and ".join(
        f"{a}@SeriesInstanceUID != {b}@SeriesInstanceUID" for a, b in itertools.combinations(names, 2)
    )
    told = explain(
        read(f"select study {wheres} check {differ}"), [series(f"1.{n}", Modality="MR") for n in range(11)]
    )
    assert told.matches == () and "too many series to try them all" in told.sentence


def test_fifty_series_of_three_names_are_joined_at_once():
    text = """select study where named A has Modality = A also where named B has Modality = B
      also where named C has Modality = C check A@StudyDate = B@StudyDate and B@SeriesNumber = C@SeriesNumber"""
    catalogue = [
        series(f"{name}{n}", Modality=name, StudyDate="20240101", SeriesNumber=str(n))
        for name in "ABC"
        for n in range(50)
    ]
    assert {name: len(found) for name, found in jobs(text, *catalogue)["1"].items()} == {
        "A": 50,
        "B": 50,
        "C": 50,
    }
