"""`ror project add --option`: each option of de-identification by its word."""

from __future__ import annotations

import json

import pytest

from anonymizer import Option
from tests.cli.test_commands import Home, home

__all__ = ["home"]


def test_options_are_added_changed_listed_and_cleared(home: Home) -> None:
    home.good(
        "project",
        "add",
        "lungs",
        *(word for o in ("retain-device", "clean-graphics") for word in ("--option", o)),
    )
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert project["options"] == ["retain-device", "clean-graphics"]
    home.good("project", "change", "lungs", "--option", "retain-full-dates")
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert project["options"] == ["retain-full-dates"]
    home.good("project", "change", "lungs", "--clear", "option")
    (project,) = json.loads(home.good("project", "list", "--json"))
    assert project["options"] == []


@pytest.mark.parametrize(
    "words", [("retain-nothing",), ("retain-full-dates", "--option", "retain-modified-dates")]
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(home: Home, words: tuple[str, ...]) -> None:
    said = home.ror("project", "add", "lungs", "--option", *words)
    assert said.code and ("Leave one of the two" in said.err or Option.RETAIN_DEVICE in said.err)
