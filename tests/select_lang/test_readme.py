"""What the README says of the language is so."""

import doctest
import re
from pathlib import Path

import pytest

import select_lang
from select_lang.attributes import Kind, canonical, kind_of
from select_lang.logic import all_true, any_true, opposite

FOLDER = Path(select_lang.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.mark.parametrize("text", blocks("select"))
def test_every_statement_is_read_and_written(text):
    for statement in select_lang.read_all(text):
        assert select_lang.read(select_lang.write(statement)) == statement


def test_every_python_block_prints_what_stands_below_it():
    examples = doctest.DocTestParser().get_doctest("".join(blocks("python")), {}, "README.md", "README.md", 0)
    assert doctest.DocTestRunner().run(examples).failed == 0
    assert doctest.testmod(select_lang).failed == 0


def test_the_truth_table_is_complete_and_true():
    truths = {"true": True, "false": False, "unknown": None}
    rows = re.findall(r"^\| " + r" \| ".join([r"(true|false|unknown)"] * 5) + r" \|$", README, re.MULTILINE)
    assert len(rows) == len(set(rows)) == 9
    for row in rows:
        a, b, not_a, both, either = (truths[word] for word in row)
        assert (not_a, both, either) == (opposite(a), all_true((a, b)), any_true((a, b)))


def test_the_table_of_kinds_names_every_value_representation_that_compares():
    kinds = dict(
        zip(
            ("decimal", "dates", "times", "instants", "ages", "text"),
            ("DS", "DA", "TM", "DT", "AS", "LO"),
            strict=True,
        )
    )
    examples = {"DS": "SliceThickness", "DA": "StudyDate", "TM": "StudyTime", "DT": "AcquisitionDateTime"}
    examples |= {"AS": "PatientAge", "LO": "SeriesDescription"}
    for word, vr in kinds.items():
        row = next(line for line in README.split("\n") if line.startswith("| ") and f"| {word}" in line)
        assert vr in row.split("|")[1].split()
        assert isinstance(kind_of(canonical(examples[vr])), Kind)


def test_the_grammar_has_the_key_words_of_the_parser():
    (ebnf,) = blocks("ebnf")
    documented = {*re.findall(r'"([a-z]+)"', ebnf), "at least"}
    grammar = (FOLDER / "grammar.lark").read_text(encoding="utf-8")
    key_words = dict(re.findall(r"^_?([A-Z_]+)\.[23]: +/(.+)/i$", grammar, re.MULTILINE))
    del key_words["TAG"], key_words["IMAGE"]
    for terminal, pattern in key_words.items():
        assert any(re.fullmatch(pattern, word) for word in documented), f"{terminal} is not documented"
    for word in documented - {"at", "least"}:
        assert any(re.fullmatch(pattern, word) for pattern in key_words.values()), f"{word} is not read"
