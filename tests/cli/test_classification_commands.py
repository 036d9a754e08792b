"""A project's own rules for the types of series, on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import Home

RULES = '[{"type": "MINE", "id": "9001", "rules": [{"tag": ["Modality"], "value": "CT"}]}]'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def rules(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "rules.json"
    file.write_bytes(content)
    return str(file)


def test_a_project_may_have_rules_of_its_own_and_go_back_to_ours(home: Home, tmp_path: Path) -> None:
    home.good("project", "add", "lungs", "--classification", rules(tmp_path, RULES.encode()))
    (listed,) = json.loads(home.good("project", "list", "--json"))
    assert listed["classification"] == "own rules"
    home.good("project", "change", "lungs", "--clear", "classification")
    (listed,) = json.loads(home.good("project", "list", "--json"))
    assert listed["classification"] == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (RULES.replace("tag", "tog").encode(), "[0].rules[0]"),
        (b"[{", "JSON"),
        (b'[{"type": "X", "rules": [{"tag": "Modality", "value": "\xff"}]}]', "not UTF-8 from byte"),
    ],
)
def test_rules_with_faults_are_refused_with_their_places(
    home: Home, tmp_path: Path, content: bytes, told: str
) -> None:
    said = home.ror("project", "add", "lungs", "--classification", rules(tmp_path, content))
    assert (said.code, said.out) == (1, "")
    assert told in said.err and "--classification" in said.err and "rules 2" not in said.err
