"""Documents cannot lie: every command, setting, status, state and error is in them, and the README's blocks run."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

import ror.errors
from examples.demo.service import SERVES
from orthanc import free_port
from ror.cli import cli
from ror.config import PacsSettings, Settings
from ror.gateway import Status
from ror.model import STEPS, JobState, StudyState
from tests.support.serving import eventually

ROOT = Path(__file__).parent.parent
OPERATING = (ROOT / "ror" / "README.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[tuple[str, str]]:
    context = click.Context(cli)
    found = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        parts = list(command.commands) if isinstance(command, click.Group) else [""]
        found += [(name, part) for part in parts]
    return found


@pytest.mark.parametrize(("name", "part"), commands())
def test_every_command_is_told(name: str, part: str) -> None:
    rows = [line for line in OPERATING.splitlines() if line.startswith(f"| `ror {name}")]
    assert any(f"`{part}`" in row or f"`ror {name} {part}".rstrip() in row for row in rows), rows


def settings(model: type[BaseModel], path: str) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            found += settings(kind, f"{path}{name}.")
        elif name != "pacs":
            found.append(f"{path}{name}")
    return found


def shown(default: object) -> str:
    """A default as TOML writes it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize("setting", settings(Settings, ""))
def test_every_setting_is_told_with_its_default(setting: str) -> None:
    (row,) = [line for line in OPERATING.splitlines() if line.startswith("| `") and f"`{setting}`" in line]
    section, key = setting.split(".")
    default = getattr(getattr(Settings(), section), key)
    assert default == "" or f"{default:g}" in row if isinstance(default, float) else shown(default) in row


@pytest.mark.parametrize("key", PacsSettings.model_fields)
def test_every_setting_of_a_pacs_is_told(key: str) -> None:
    assert f"`.{key}`" in OPERATING or f"`pacs.NAME.{key}`" in OPERATING


def test_every_status_state_step_and_error_is_told() -> None:
    wanted = [f"| {status.value:04X} | {status.name} |" for status in Status]
    wanted += [f"`{state.value}`" for state in (*StudyState, *JobState)]
    wanted += [f"| {step} |" for step in STEPS]
    wanted += [f"`{name}`" for name in ror.errors.__all__ if name != "RorError"]
    assert [one for one in wanted if one not in OPERATING] == []


def test_every_link_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("workflows/*/README.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def measurements(home: Path) -> int:
    with contextlib.closing(sqlite3.connect(home / "ror.sqlite")) as connection:
        current = "SELECT id FROM jobs WHERE state = 'succeeded'"  # a busy sender pauses, and the study settles twice
        query = f"SELECT count(*) FROM measurements WHERE job_id IN ({current})"
        return int(connection.execute(query).fetchone()[0])


def test_the_blocks_of_the_readme_run(tmp_path: Path) -> None:
    """In order, in a folder of their own, with another port and `ror serve` in the background."""
    set_up, serve, send, look, change = blocks("sh")
    port = free_port()
    for name in ("workflows", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ROR_LISTENER__PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }

    def run(block: str) -> str:
        text = block.replace("11112", str(port))
        script = f"set -e\nexport ROR_HOME=$PWD/first-home\n{text}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    run(set_up)
    service = subprocess.Popen(
        ["bash", "-c", f"exec env {serve}"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert service.stdout is not None
        assert SERVES.match(service.stdout.readline())
        run(send)
        # The database is asked until all is there, not the commands: their start would take the time of the jobs.
        eventually(lambda: measurements(tmp_path / "first-home") == 4, seconds=600)
        assert run(look).count("signal_to_noise") == 4
    finally:
        service.terminate()
        service.wait(120)
    (pacs,) = blocks("toml")
    tomllib.loads(pacs)
    (tmp_path / "first-home" / "ror.toml").write_text(pacs)
    assert "pacs changed" in run(change)
