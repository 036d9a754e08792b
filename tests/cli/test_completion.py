"""`ror completion`: a real shell reads it, and completes commands, options and choices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import Home

BIN = Path(sys.executable).parent


def completed(*words: str) -> list[str]:
    """What bash offers for the last of some words."""
    script = (
        "source <(ror completion bash)\n"
        f"COMP_WORDS=({' '.join(repr(one) for one in words)})\nCOMP_CWORD={len(words) - 1}\n"
        '_ror_completion ror\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_bash_completes_commands() -> None:
    assert completed("ror", "st") == ["status", "studies"]


def test_bash_completes_commands_of_commands_and_options() -> None:
    assert completed("ror", "jobs", "ma") == ["match"]
    assert completed("ror", "status", "--tu") == ["--tui"]


def test_bash_completes_choices() -> None:
    assert completed("ror", "completion", "z") == ["zsh"]
    assert completed("ror", "init", "x", "--type", "mo") == ["monai"]
    assert completed("ror", "init", "x", "--type", "") == ["python", "notebook", "bash", "webapp", "monai"]


def test_bash_completes_options_with_one_dash_where_they_may_have_one() -> None:
    assert completed("ror", "trigger", "-gp") == ["-gpus"]
    assert completed("ror", "init", "x", "-type", "mo") == ["monai"]
    assert completed("ror", "-home", "x", "trigger", "--gp") == ["--gpus"]
    assert set(completed("ror", "trigger", "-")) == {*completed("ror", "trigger", "--"), "-h"}


def test_completing_a_command_loads_none() -> None:
    """There are thirty, and the key is pressed in vain until all are loaded."""
    program = (
        "import sys, click; from ror.cli import cli\n"
        "found = [one.value for one in cli.shell_complete(click.Context(cli), 's')]\n"
        "print(*found); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found, loaded = (line.split() for line in done.stdout.splitlines())
    assert found == ["select", "serve", "status", "studies", "submit"]
    ours = {one for one in loaded if one.startswith("ror.")}
    assert ours == {"ror.cli", "ror.cli.faults", "ror.cli.one_dash", "ror.errors"}


@pytest.mark.parametrize(
    ("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])]
)
def test_each_shell_understands_what_it_is_given(shell: str, check: list[str], tmp_path: Path) -> None:
    source = Home(tmp_path / "home").good("completion", shell)
    assert "_ROR_COMPLETE" in source
    if shutil.which(check[0]) is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "source").write_text(source)
    subprocess.run([*check, tmp_path / "source"], check=True)


def test_other_shells_are_refused(tmp_path: Path) -> None:
    said = Home(tmp_path).ror("completion", "tcsh")
    assert (said.code, "'bash', 'zsh', 'fish'" in said.err) == (2, True)
