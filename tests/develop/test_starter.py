"""`ror init`: what it makes is a workflow at once, and what was there stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import select_lang
from containers import Package
from ror.develop.starter import TYPES, start
from ror.errors import ConfigurationError


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_made_is_a_package_with_a_statement(kind: str, tmp_path: Path) -> None:
    start(tmp_path / "my_model", kind)
    package = Package.load(tmp_path / "my_model")
    assert package.manifest.name == "my_model"
    assert package.dockerfile is not None
    statement = select_lang.read(package.manifest.select)
    assert package.manifest.series_names_needed() <= set(statement.names)


@pytest.mark.parametrize(
    "kind", ["python", "webapp", "bash"]
)  # the others need packages: test_project_types.py
def test_its_own_test_passes(kind: str, tmp_path: Path) -> None:
    folder = start(tmp_path / "my_model", kind).folder
    words = ["bash", "tests/test_my_model.sh"]
    if kind != "bash":
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_series_that_the_statement_does_not_name_is_told_with_those_that_it_does(tmp_path: Path) -> None:
    folder = start(tmp_path / "my_model").folder
    program = folder / "my_model.py"
    program.write_text(program.read_text().replace('(data, "image")', '(data, "img")'))
    made = "import phantom, pathlib; phantom.write_job(pathlib.Path('data')); pathlib.Path('out').mkdir()"
    subprocess.run([sys.executable, "-c", made], cwd=folder, check=True)
    words = [sys.executable, program.name, "data", "out"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    told = "no series is called img; the select statement of workflow.toml names: image\n"
    assert done.stderr == told


@pytest.mark.parametrize("kind", TYPES)
def test_no_placeholder_is_left(kind: str, tmp_path: Path) -> None:
    made = start(tmp_path / "my_model", kind)
    for name in made.added:
        assert "@" not in name
        assert "@NAME@" not in (made.folder / name).read_text()


def test_what_is_there_is_kept_and_what_is_missing_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "my_model"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    first = start(folder)
    assert first.kept == ("README.md",)
    assert (folder / "README.md").read_text() == "mine"
    (folder / "phantom.py").unlink()
    second = start(folder)
    assert second.added == ("phantom.py",)
    assert set(second.kept) == {*first.added, *first.kept} - {"phantom.py"}


def test_a_manifest_that_is_there_says_the_name(tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").write_text('name = "other"\n')
    made = start(tmp_path)
    assert made.name == "other"
    assert "other.py" in made.added


def test_a_manifest_without_a_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").write_text("name = \n")
    with pytest.raises(ConfigurationError, match="does not say what the workflow is called"):
        start(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["workflow.toml"]


@pytest.mark.parametrize(
    ("name", "legal"), [("My-Model", "my_model"), ("3d", "workflow_3d"), ("æ", "workflow")]
)
def test_a_name_that_no_workflow_can_have_is_told_with_one_that_it_can(
    name: str, legal: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as error:
        start(tmp_path / name)
    assert error.value.advice == f"say ror init {legal}"
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["job", "phantom"])
def test_a_name_that_another_file_of_it_has_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="another of its files is called so") as error:
        start(tmp_path / name)
    assert error.value.advice == f"say ror init {name}_workflow"
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["numpy", "json", "pydicom"])
def test_a_name_that_hides_a_library_of_its_program_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the library of that name") as error:
        start(tmp_path / name)
    assert error.value.advice == f"say ror init {name}_workflow"


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "my_model").write_text("")
    with pytest.raises(ConfigurationError, match="is no folder"):
        start(tmp_path / "my_model")
