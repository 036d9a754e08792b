"""The terms that are shipped are those of the standard, and others' are read with all their faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts

from ror.develop.ontology import Ontology, Term
from ror.errors import ConfigurationError, NotFound
from select_lang.classification import Classifier

SHIPPED = Ontology.read()
# A code may have several meanings there, as that of "Chest" and "Thorax".
CODED = [one for one in SHIPPED.terms if one.code]


@pytest.mark.parametrize("term", CODED, ids=lambda term: term.name)
def test_a_code_is_the_standards_and_so_is_its_meaning(term: Term) -> None:
    held = [
        meaning
        for by_keyword in concepts[term.scheme].values()
        for code, (meaning, _groups) in by_keyword.items()
        if code == term.code
    ]
    assert term.meaning in held


def test_terms_are_called_as_the_rules_call_their_types() -> None:
    by_lower = {name.lower(): name for name in Classifier.shipped().names}
    same = [one.name for one in SHIPPED.terms if one.name.lower() in by_lower]
    assert len(same) > 30
    assert [name for name in same if name not in by_lower.values()] == []


def test_terms_are_found_by_words_of_theirs_in_any_order() -> None:
    assert [one.name for one in SHIPPED.search("spine")][:1] == ["SPINE"]
    assert {one.name for one in SHIPPED.search("spine lumbar")} == {"LUMBAR_SPINE"}
    assert [one.name for one in SHIPPED.search("12738006")] == ["BRAIN"]
    assert list(SHIPPED.search("")) == list(SHIPPED.terms)
    assert SHIPPED.term("brain").name == "BRAIN"
    with pytest.raises(NotFound) as unknown:
        SHIPPED.term("spin")
    assert "did you mean SPINE" in unknown.value.advice


def test_ones_own_terms_are_read_with_all_their_faults(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[terms]]\nname = "SITE_A"\ngroup = "site"\nmeaning = "Scanner of site A"\n')
    assert str(Ontology.read(file).terms[0]) == "SITE_A: Scanner of site A, site"
    file.write_text('[[terms]]\nname = "two words"\ngroup = "site"\n')
    with pytest.raises(ConfigurationError) as wrong:
        Ontology.read(file)
    assert "terms.0.name" in str(wrong.value) and "terms.0.meaning" in str(wrong.value)
    same = '[[terms]]\nname = "{}"\ngroup = "g"\nmeaning = "m"\n'
    file.write_text(same.format("A") + same.format("a"))
    with pytest.raises(ConfigurationError, match="more than once: a"):
        Ontology.read(file)
    file.write_text("no [toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Ontology.read(file)
