"""Text → tree → text → tree is the identity."""

from hypothesis import given, settings

from select_lang import read, write
from select_lang.parse import parse
from tests.select_lang.trees import any_text, selects


@settings(deadline=None)
@given(selects(texts=any_text))
def test_a_tree_survives_being_written_and_read(select):
    assert parse(write(select)) == (select,)


@settings(deadline=None)
@given(selects())
def test_a_statement_survives_being_written_and_read(select):
    text = write(select)
    statement = read(text)
    assert statement.select == select
    assert read(write(statement)) == statement
    assert write(read(write(statement))) == write(statement)


def test_a_statement_is_written_in_one_form():
    text = """SELECT Participant WHERE SERIES NAMED a-b HAS (Modality=='CT') AND ("0x0018","0x0050")<1.50
       OR(ClassifyType CONTAINS T1)
       ALSO WHERE everything; CHECK "a-b"@StudyDate>="a-b"@SeriesDate"""
    assert write(read(text)) == (
        "select patient\n"
        '  where series named "a-b" has Modality = "CT" and SliceThickness < 1.50 or ClassifyTypes containing "T1"\n'
        "  also where series has everything\n"
        '  check "a-b"@StudyDate >= "a-b"@SeriesDate'
    )
