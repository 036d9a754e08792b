"""``ror project change --original-identity``: who may let results go back to the clinic, and what is on record."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from tests.cli.test_commands import Home

pytest.importorskip("cryptography", reason="the package cryptography is not installed")
ME = pwd.getpwuid(os.getuid()).pw_name
ALLOW = ("project", "change", "lungs", "--original-identity")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.settings(f'[reidentify]\nusers = ["{ME}"]\n')
    made.good("project", "add", "lungs")
    return made


def is_allowed(home: Home) -> bool:
    (project,) = json.loads(home.good("project", "list", "--json"))
    return bool(project["original_identity"])


def records(home: Home) -> list[str]:
    """What was done since the project was added, the latest first."""
    return [one["action"] for one in json.loads(home.good("audit", "list", "--json"))[:-1]]


def test_it_is_allowed_and_taken_back_on_record(home: Home) -> None:
    home.good("pseudonyms", "set", "lungs", "--keep-identities")
    assert not is_allowed(home)
    home.good(*ALLOW)
    assert is_allowed(home)
    home.good("project", "change", "lungs", "--keep", "PatientSex")
    assert is_allowed(home)
    home.good("project", "change", "lungs", "--no-original-identity")
    assert not is_allowed(home)
    assert records(home) == ["change project"] * 3 + ["allow original", "set pseudonyms"]


def test_a_project_that_keeps_no_identities_has_no_way_back(home: Home) -> None:
    said = home.ror(*ALLOW)
    assert (said.code, "keeps no identities" in said.err) == (1, True)
    assert "ror pseudonyms set lungs --keep-identities" in said.err
    assert not is_allowed(home)


def test_who_has_not_the_role_is_refused_on_record(home: Home) -> None:
    home.good("pseudonyms", "set", "lungs", "--keep-identities")
    home.settings('[reidentify]\nusers = ["nobody-at-all"]\n')
    said = home.ror(*ALLOW)
    assert (said.code, "may not open identities" in said.err) == (1, True)
    assert not is_allowed(home)
    assert records(home) == ["allow original refused", "set pseudonyms"]
