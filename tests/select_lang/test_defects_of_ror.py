"""One test for each defect of ror's language (numbers of the table of its defects that concern the language)."""

import threading

import pytest

import select_lang
from select_lang import evaluate, read
from tests.select_lang.builders import jobs, series


def matched(rules: str, **attributes: str) -> bool:
    return bool(jobs(f"select series where {rules}", series("a", **attributes)))


@pytest.mark.parametrize("rules", ["{a} and {b} or {c} and {d}"])
@pytest.mark.parametrize(
    "truths", [(a, b, c, d) for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)]
)
def test_01_and_binds_closer_than_or(rules, truths):
    a, b, c, d = truths
    text = rules.format(**{name: f"NumImages = {truth}" for name, truth in zip("abcd", truths, strict=True)})
    assert matched(text, NumImages="1") == bool((a and b) or (c and d))


def test_02_brackets_may_touch_words():
    assert matched("(Modality = CT)", Modality="CT")
    assert matched("Modality = CT and not(NumImages > 200)", Modality="CT", NumImages="3")


@pytest.mark.parametrize("name", ["everything", "series", "and", "select", "has", "check"])
def test_03_quoted_key_words_are_text(name):
    text = f'select study where series named "{name}" has SeriesDescription = "{name}"'
    assert jobs(text, series("a", SeriesDescription=name)) == {"1": {name: ["a"]}}


@pytest.mark.parametrize("level", ["STUDY", "Study", "study"])
def test_04_level_words_may_be_large(level):
    assert read(f"SELECT {level} FROM {level} WHERE SERIES HAS Modality = CT").level == "study"


@pytest.mark.parametrize("char", [*":,+?#{}=<>&|!@;()[]*^$%~`'/", "é", "Ж", "漢", "ß", "\n", " ", "--", "/*"])
def test_05_quoted_text_may_hold_any_character(char):
    description = f"T1{char}w"
    assert matched(f'SeriesDescription = "{description}"', SeriesDescription=description)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_05_quotes_and_backslashes_are_escaped(quote):
    held = select_lang.Series("a", "1", "P", {"SeriesDescription": (rf"a{quote}b\c\d",)})
    assert evaluate(read(rf"select where SeriesDescription = {quote}a\{quote}b\\c\d{quote}"), [held])


def test_06_bare_words_may_have_hyphens():
    assert matched("SeriesDescription = ABCD-T1", SeriesDescription="ABCD-T1")


def test_07_numbers_are_exact_and_may_be_negative():
    assert matched("StudyDate > 20230101", StudyDate="20230102")
    assert not matched("StudyDate > 20230101", StudyDate="20230101")
    assert matched("SliceLocation < -0.5", SliceLocation="-0.50001")
    assert not matched("InstanceNumber = 16777217", InstanceNumber="16777216")


@pytest.mark.parametrize(
    ("wanted", "held"), [("0.9", "0.90"), ("0.90", "0.9"), ("1000000", "1e+06"), ("1e6", "1000000")]
)
def test_08_numbers_compare_as_numbers(wanted, held):
    assert matched(f"EchoTime = {wanted}", EchoTime=held)


@pytest.mark.parametrize("value", ["many", "1,5", "nan", "inf", "1_000", "", "0x10", "１０", "1e99999999999"])
def test_09_a_value_that_is_no_number_stops_nothing(value):
    text = "select series where NumImages > 1"
    assert jobs(text, series("odd", NumImages=value), series("good", NumImages="2")) == {
        "good": {"series": ["good"]}
    }
    assert not matched("not NumImages > 1", NumImages=value)


def test_10_check_finds_its_pairs():
    text = """select study where series named A has Modality = MR also where series named B has Modality = CT
      check A@FrameOfReferenceUID = B@FrameOfReferenceUID"""
    pair = (
        series("a", Modality="MR", FrameOfReferenceUID="1.2"),
        series("b", Modality="CT", FrameOfReferenceUID="1.2"),
    )
    stray = series("c", Modality="MR", FrameOfReferenceUID="1.3")
    assert jobs(text, *pair, stray) == {"1": {"A": ["a"], "B": ["b"]}}


def test_11_not_in_check_means_what_it_says():
    text = """select study where series named A has Modality = MR also where series named B has Modality = CT
      check not A@StudyDate = B@StudyDate"""
    a = series("a", Modality="MR", StudyDate="20200101")
    assert jobs(text, a, series("b", Modality="CT", StudyDate="20200102"))
    assert not jobs(text, a, series("b", Modality="CT", StudyDate="20200101"))
    assert not jobs(text, a, series("b", Modality="CT"))


def test_12_a_project_job_knows_the_study_of_each_series():
    catalogue = [series("a", "1", "P1", Modality="CT"), series("b", "2", "P2", Modality="CT")]
    (match,) = evaluate(read("select project where Modality = CT"), catalogue)
    assert [one.study_uid for one in match.series] == ["1", "2"]


def test_13_jobs_come_in_the_same_order_whatever_the_order_of_the_catalogue():
    catalogue = [
        series(str(n), str(n % 5), f"P{n % 2}", Modality="CT", SeriesNumber=str(n % 7)) for n in range(40)
    ]
    for level in select_lang.Level:
        statement = read(f"select {level} where Modality = CT")
        assert evaluate(statement, catalogue) == evaluate(statement, reversed(catalogue))


@pytest.mark.parametrize(
    "tag",
    [
        '("0x0018","0x0050")',
        "(0018,0050)",
        "( 0018 , 0050 )",
        "(0x0018,0x0050)",
        "('0018','0050')",
        "SliceThickness",
    ],
)
def test_14_tags_may_be_written_in_several_ways(tag):
    assert matched(f"{tag} = 1.5", SliceThickness="1.50")
    assert matched("(0010,21d0) exists", LastMenstrualDate="20200101")


def test_15_statements_are_read_at_the_same_time():
    texts = [f"select study where series named N{n} has NumImages > {n}" for n in range(30)]
    read_in_threads: dict[str, select_lang.Statement] = {}
    threads = [threading.Thread(target=lambda t=t: read_in_threads.update({t: read(t)})) for t in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(read_in_threads[text] == read(text) for text in texts)


def test_a_series_that_fits_two_names_goes_to_the_first():
    text = "select study where named A has Modality = MR also where named B has NumImages > 1"
    both, second = (
        series("both", Modality="MR", NumImages="2"),
        series("second", Modality="CT", NumImages="2"),
    )
    assert jobs(text, both, second) == {"1": {"A": ["both"], "B": ["second"]}}
    assert jobs(text, both) == {}
