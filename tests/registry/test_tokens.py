"""Tokens: shown once, kept as a digest, opening one project each, on both databases and by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import AlreadyExists, ConfigurationError, NotFound
from ror.registry import Project, ProjectStore, Right, TokenStore
from tests.cli.test_commands import Home

BOTH = frozenset({Right.STORE, Right.READ})


@pytest.fixture
def tokens(database: Database, tmp_path: Path) -> TokenStore:
    ProjectStore(database, tmp_path / "secrets").add(Project("lungs"))
    return TokenStore(database)


def test_a_token_opens_its_project_with_its_rights(tokens: TokenStore) -> None:
    token = tokens.add("viewer", "lungs", frozenset({Right.READ}))
    found = tokens.find(token)
    assert found is not None
    assert (found.name, found.project, found.rights) == ("viewer", "lungs", {Right.READ})
    assert tokens.list() == [found]


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, "{}x".format, "{} ".format, lambda token: token[:-1]]
)
def test_another_text_opens_nothing(tokens: TokenStore, change) -> None:
    token = tokens.add("viewer", "lungs", BOTH)
    assert tokens.find(change(token)) is None


@pytest.mark.parametrize("text", ["", "ror_", "ror_" + "x" * 10_000, "ror_ä", "Bearer"])
def test_no_text_at_all_is_a_token(tokens: TokenStore, text: str) -> None:
    assert tokens.find(text) is None


def test_the_database_does_not_hold_the_token(tokens: TokenStore, database: Database) -> None:
    token = tokens.add("viewer", "lungs", BOTH)
    with database.read() as connection:
        (row,) = connection.execute(sa.select(tables.tokens)).all()
    assert token not in str(row) and token.removeprefix("ror_") not in str(row)


def test_a_token_that_was_removed_opens_nothing(tokens: TokenStore) -> None:
    token = tokens.add("viewer", "lungs", BOTH)
    tokens.remove("viewer")
    assert tokens.find(token) is None
    with pytest.raises(NotFound, match="viewer"):
        tokens.remove("viewer")


def test_a_name_is_taken_once_and_opens_what_it_opened(tokens: TokenStore) -> None:
    token = tokens.add("viewer", "lungs", BOTH)
    with pytest.raises(AlreadyExists):
        tokens.add("viewer", "lungs", BOTH)
    assert tokens.find(token) is not None


@pytest.mark.parametrize("name", ["", "-x", "x" * 17, "a b", "ä", "a\\b", "a\n"])
def test_a_name_is_one_that_can_stand_for_an_ae_title(tokens: TokenStore, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a token"):
        tokens.add(name, "lungs", BOTH)


def test_the_commands_add_list_and_remove(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.good("project", "add", "lungs")
    token = home.good("token", "add", "viewer", "--project", "lungs", "--may", "read, store").strip()
    assert token.startswith("ror_") and "\n" not in token
    (listed,) = json.loads(home.good("token", "list", "--json"))
    assert (listed["name"], listed["project"], listed["may"]) == ("viewer", "lungs", ["read", "store"])
    assert token not in home.good("token", "list")
    home.good("token", "remove", "viewer")
    assert json.loads(home.good("token", "list", "--json")) == []


def test_the_commands_refuse_what_is_wrong(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.good("project", "add", "lungs")
    assert "no project heads" in home.ror("token", "add", "a", "--project", "heads", "--may", "read").err
    wrong = home.ror("token", "add", "a", "--project", "lungs", "--may", "write")
    assert (wrong.code, "store,read" in wrong.err) == (2, True)


def test_the_token_of_a_host_opens_no_project(tokens: TokenStore) -> None:
    token = tokens.add_host("gpu2-token", "gpu2")
    found = tokens.find(token)
    assert found is not None
    assert (found.host, found.project, found.rights) == ("gpu2", "", {Right.WORK})
    assert tokens.list() == [found]
    tokens.remove("gpu2-token")
    assert tokens.find(token) is None


def test_no_project_has_a_token_to_work(tokens: TokenStore) -> None:
    with pytest.raises(ConfigurationError, match="may do nothing"):
        tokens.add("viewer", "lungs", frozenset({Right.WORK}))


def test_a_host_gets_its_token_by_the_command_line_and_it_is_on_record(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.good("project", "add", "lungs")
    token = home.good("token", "add", "gpu2", "--host", "gpu2").strip()
    assert token.startswith("ror_")
    (listed,) = json.loads(home.good("token", "list", "--json"))
    assert (listed["name"], listed["project"], listed["may"], listed["host"]) == (
        "gpu2",
        "",
        ["work"],
        "gpu2",
    )
    (record,) = [
        one for one in json.loads(home.good("audit", "list", "--json")) if one["action"] == "add token"
    ]
    assert (record["project"], record["detail"]) == ("", "gpu2 may work as host gpu2")
    for words in (("--project", "lungs", "--host", "gpu2"), ("--host", "gpu2", "--may", "read"), ()):
        assert "or --host alone" in home.ror("token", "add", "other", *words).err
    home.good("token", "remove", "gpu2")
    assert json.loads(home.good("token", "list", "--json")) == []
