"""`ror init --type GIT-URL`: a copy of somebody's repository, which completes a folder and overwrites nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from containers import Package
from ror.develop import is_address, start
from ror.errors import ConfigurationError
from tests.cli.test_commands import Home


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def repository(tmp_path: Path, files: dict[str, str]) -> str:
    """The address of a bare repository with these files."""
    source = tmp_path / "source"
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    git(source, "init", "--quiet")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "begin")
    git(tmp_path, "clone", "--quiet", "--bare", str(source), str(tmp_path / "bare.git"))
    return f"file://{tmp_path}/bare.git"


def test_a_workflow_of_a_repository_is_one_here(tmp_path: Path) -> None:
    shown = start(tmp_path / "shown").folder
    files = {name: (shown / name).read_text() for name in ("workflow.toml", "shown.py", "job.py")}
    made = start(tmp_path / "mine", repository(tmp_path, files))
    assert made.name == "shown"  # as its manifest says
    assert made.added == ("job.py", "shown.py", "workflow.toml", ".gitignore")
    assert made.kept == ()
    assert Package.load(made.folder).manifest.name == "shown"
    git(made.folder, "log")


def test_a_program_without_a_workflow_gets_one_around_it(tmp_path: Path) -> None:
    made = start(
        tmp_path / "mine", repository(tmp_path, {"mine.py": "print('my own')", "README.md": "read me"})
    )
    assert {"workflow.toml", "Dockerfile", "tests/test_mine.py"} <= set(made.added)
    assert (made.folder / "mine.py").read_text() == "print('my own')"
    assert (made.folder / "README.md").read_text() == "read me"
    assert Package.load(made.folder).manifest.name == "mine"


def test_a_folder_that_is_there_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my own")
    address = repository(tmp_path, {"README.md": "theirs", "deep/er/model.txt": "weights"})
    made = start(tmp_path / "mine", address)
    assert "README.md" in made.kept
    assert (made.folder / "README.md").read_text() == "my own"
    assert (made.folder / "deep" / "er" / "model.txt").read_text() == "weights"
    assert not (made.folder / ".git").exists()
    again = start(tmp_path / "mine", address)
    assert again.added == ()
    assert {"README.md", "deep/er/model.txt"} <= set(again.kept)


def test_an_empty_folder_becomes_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    address = repository(tmp_path, {"README.md": "theirs"})
    monkeypatch.chdir(tmp_path / "mine")
    start(Path(), address)
    assert Path("README.md").read_text() == "theirs"
    git(Path(), "log")


def test_what_ssh_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho 'git@example.org: Permission denied (publickey).' >&2\nexit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    with pytest.raises(
        ConfigurationError, match=r"x/y.git cannot be cloned: .*Permission denied \(publickey\)"
    ):
        start(tmp_path / "mine", "git@example.org:x/y.git")
    assert not (tmp_path / "mine").exists()


def test_what_is_no_repository_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        ConfigurationError, match=r"cannot be cloned: .*does not exist|not appear to be a git"
    ) as told:
        start(tmp_path / "mine", f"file://{tmp_path}/folder")
    assert "git clone" in told.value.advice
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_password_in_an_address_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        start(tmp_path / "mine", "https://somebody:hunter2@127.0.0.1:9/repository.git")
    assert "hunter2" not in str(told.value)
    assert "127.0.0.1:9/repository.git" in str(told.value)


def test_a_link_that_leads_elsewhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    source = tmp_path / "source"
    source.mkdir()
    (source / "tests").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="leads out of"):
        start(tmp_path / "mine", repository(tmp_path, {"README.md": "look"}))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_may_be_an_address() -> None:
    for address in (
        "https://example.org/model.git",
        "git@example.org:me/model",
        "./model.git",
        "/srv/model",
        "../m",
    ):
        assert is_address(address), address
    for word in ("cobol", "pythn", "", "a b:c"):
        assert not is_address(word), word


def test_the_command_clones(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    address = repository(tmp_path, {"README.md": "theirs"})
    told = home.good("init", str(tmp_path / "mine"), "--type", address)
    assert f"made  {tmp_path}/mine/README.md" in told
    assert "ror trigger" in told
