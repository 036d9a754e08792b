"""Every mistake is told with its place, what was expected, and advice (cases: mistakes.txt)."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang import SelectError, SelectSyntaxError, read, read_all

_, *CASES = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8").split("---\n")


@pytest.mark.parametrize("case", CASES, ids=[case.split("\n")[0] for case in CASES])
def test_the_author_of_a_mistake_is_told(case):
    statement, message = case.split("\n>\n")
    with pytest.raises(SelectError) as caught:
        read(statement)
    assert str(caught.value) == message.rstrip("\n")


def test_a_syntax_error_carries_its_facts():
    with pytest.raises(SelectSyntaxError) as caught:
        read("select study\nwhere Modality = CT &\n NumImages > 3")
    error = caught.value
    assert (error.line, error.column, error.advice) == (2, 21, "Write `and`, not &.")
    assert "and" in error.expected
    assert error.faults[0].excerpt == "where Modality = CT &"


def test_all_faults_come_at_once_and_in_the_order_of_the_text():
    with pytest.raises(SelectError) as caught:
        read("select study\nwhere named A has Foo = 1 and Bar = 2\nalso where named A has NumImages = x")
    assert [fault.line for fault in caught.value.faults] == [2, 2, 3, 3]


def test_a_check_with_very_many_alternatives_is_refused():
    either = "(A@EchoTime = B@EchoTime or A@NumImages = B@NumImages)"
    text = f"select study where named A has Modality = CT also where named B has Modality = MR check {either}"
    read(text + f" and {either}" * 5)
    with pytest.raises(SelectError, match="more than 64 ways"):
        read(text + f" and {either}" * 40)


def test_brackets_may_be_deep_but_conditions_may_not():
    read(f"select study where {'(' * 2000}Modality = CT{')' * 2000}")
    with pytest.raises(SelectSyntaxError, match="nested more than 50 deep"):
        read(f"select study where {'not ' * 20_000}Modality = CT")
    with pytest.raises(SelectSyntaxError, match="longer than"):
        read(f"select study where {'(' * 200_000}Modality = CT{')' * 200_000}")


def test_a_caret_stays_below_its_word_after_tabs_and_in_long_lines():
    with pytest.raises(SelectError) as caught:
        read("select study where\n\tFoo = 1")
    assert str(caught.value).split("\n")[1:] == ["  \tFoo = 1", "  \t^^^"]
    with pytest.raises(SelectError) as caught:
        read("select study where " + "Modality = CT or " * 20 + "Foo = 1")
    _, line, caret, *_ = str(caught.value).split("\n")
    assert len(line) < 130
    assert line[caret.index("^") :].startswith("Foo")


def test_several_statements_are_read_together_each_with_its_checks():
    text = """select study where named A has Modality = CT check A@EchoTime = A@EchoTime
      select series where Modality = MR;;
      select patient where Modality = PT; check series@EchoTime = series@EchoTime;"""
    levels = [(statement.level, len(statement.select.checks)) for statement in read_all(text)]
    assert levels == [("study", 1), ("series", 0), ("patient", 1)]
    with pytest.raises(SelectSyntaxError, match="only one select"):
        read(text)


def test_read_all_tells_the_faults_of_every_statement():
    with pytest.raises(SelectError) as caught:
        read_all("select study where Foo = 1\nselect study where Bar = 1")
    assert [fault.line for fault in caught.value.faults] == [1, 2]


VOCABULARY = """select study where series named has also check and or not in ( ) , ; @ = < between exists T1 'a' " &
image from Modality EchoTime 3 regexp containing starts with everything /* -- ( [ * \\ “ (0018,0050)"""
words = st.sampled_from(VOCABULARY.split())


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(words, max_size=15).map(" ".join)))
def test_no_text_causes_another_exception(text):
    try:
        read_all(text)
    except SelectError as error:
        assert error.faults and str(error)
