"""`ror project change --captures none`: what a project sends, whatever its workflows want."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_commands import Home, home

__all__ = ["home"]


def told(home: Home) -> str:
    (project,) = json.loads(home.good("project", "list", "--json"))
    return project["sending"]


def test_a_project_leaves_it_to_its_workflows_until_it_says_otherwise(home: Home) -> None:
    home.good("project", "add", "lungs")
    assert told(home) == ""
    home.good("project", "change", "lungs", "--captures", "none", "--rtstruct", "yes")
    assert told(home) == "captures none, rtstruct yes"
    home.good("project", "change", "lungs", "--report", "no", "--captures", "as-workflow")
    assert told(home) == "report no, rtstruct yes"


def test_a_project_may_say_so_from_the_beginning(home: Home) -> None:
    home.good("project", "add", "lungs", "--captures", "all", "--models", "no")
    assert told(home) == "captures all, models no"


@pytest.mark.parametrize("words", [("--captures", "some"), ("--report", "perhaps")])
def test_another_word_is_refused_with_those_that_there_are(home: Home, words: tuple[str, ...]) -> None:
    said = home.ror("project", "add", "lungs", *words)
    assert said.code and "as-workflow" in said.err
