"""`ror database`: the way back to an earlier release."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from ror.app import App
from ror.cli import cli
from ror.engine import Host
from ror.registry import Project


def ror(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "database", *words])


def test_a_database_goes_back_and_is_upgraded_by_the_next_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    app = App(home)
    app.projects.add(Project("lungs"))
    newest = app.database.revision()
    app.close()
    assert ror(home, "show").output.endswith(f"ror.sqlite: revision {newest}\n")
    said = ror(home, "downgrade", "0011", "--yes")
    assert "the database is of revision 0011: install" in said.output, said.output
    assert f"revision {newest}" in ror(home, "show").output
    again = App(home)
    assert [one.name for one in again.projects.list()] == ["lungs"]
    again.close()


def test_nothing_goes_back_unless_that_is_confirmed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    app = App(home)
    app.projects.add(Project("lungs"))
    newest = app.database.revision()
    said = CliRunner().invoke(cli, ["--home", str(home), "database", "downgrade", "0011"], input="n\n")
    assert said.exit_code == 1
    assert app.database.revision() == newest
    app.close()


def test_nothing_goes_back_under_a_host_that_is_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    app = App(home)
    app.projects.add(Project("lungs"))
    newest = app.database.revision()
    app.hosts.join(Host("gpu2", 1, 4.0, 8192), beat_seconds=3600)
    said = ror(home, "downgrade", "0011", "--yes")
    assert said.exit_code == 1
    assert "gpu2" in str(said.exception) + said.output
    assert app.database.revision() == newest
    app.close()
