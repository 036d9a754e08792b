"""A value of workflow.toml is changed, and nothing else is."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ror.develop.manifest_text import CannotChange, with_value

TEXT = """\
# a comment that stays
name = "model"   # the name
select = '''
select series
  where Modality regexp "^(MR|CT)$"
'''
description = '''
select = "not this one"
'''
command = ["python",
           "model.py"]

[options]
select = "nor this one"
"""


def test_only_the_value_changes() -> None:
    changed = with_value(TEXT, "select", "select series where Modality = CT")
    assert changed == TEXT.replace(
        TEXT[TEXT.index("select = '''") : TEXT.index("description")],
        'select = "select series where Modality = CT"\n',
    )


def test_a_list_is_changed() -> None:
    changed = with_value(TEXT, "command", ["bash", "run me.sh"])
    assert 'command = ["bash", "run me.sh"]\n\n[options]' in changed
    assert tomllib.loads(changed) == tomllib.loads(TEXT) | {"command": ["bash", "run me.sh"]}


def test_a_key_that_is_missing_is_added_before_the_tables() -> None:
    changed = with_value("name = 'a'\n[options]\nx = 1\n", "select", "one\ntwo\n")
    assert tomllib.loads(changed) == {"name": "a", "select": "one\ntwo\n", "options": {"x": 1}}


@given(value=st.text(), before=st.text())
@example(value="", before="\x1f\n")
@example(value="a\r\nb", before="'''\n'")
@example(value="\x7f\n", before='"""\n\\')
def test_any_text_is_read_back_as_it_was_given(value: str, before: str) -> None:
    text = with_value(TEXT, "select", before)
    assert tomllib.loads(with_value(text, "select", value)) == tomllib.loads(TEXT) | {"select": value}


@given(words=st.lists(st.text(), min_size=1), before=st.lists(st.text(), min_size=1))
@example(words=[""], before=["["])
@example(words=["]"], before=["# no comment", "'\""])
def test_any_words_are_read_back_as_they_were_given(words: list[str], before: list[str]) -> None:
    text = with_value(TEXT, "command", before)
    assert tomllib.loads(with_value(text, "command", words))["command"] == words


@pytest.mark.parametrize("text", ["name = ", "select = 3\n[select.more]\n"])
def test_what_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(CannotChange):
        with_value(text, "select", "select series")
