"""The tutorials do what they say: their commands run as they stand there, and print what is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ror.develop import start
from tests.support.environments import kept_environments, need_torch, python_of

ROOT = Path(__file__).parent.parent.parent
TUTORIALS = ROOT / "examples" / "tutorials"
BALL_ML = 65.4
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def blocks(name: str, language: str) -> list[str]:
    text = (TUTORIALS / name / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [block for said, block in found if said == language]


def followed(name: str, folder: Path, **variables: str) -> str:
    """What the commands of a tutorial print, said in a folder that stands for the repository's."""
    (folder / "examples").symlink_to(ROOT / "examples")
    (commands,) = blocks(name, "sh")
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{commands}"],
        cwd=folder,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ROR_HOME": str(folder / "home"),
        }
        | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if missing := re.search(r"^examples\.data: .*", done.stderr, flags=re.MULTILINE):
        pytest.skip(missing[0])  # an image that pip fetches
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def require_as_shown(name: str, printed: str) -> None:
    """Each line that the tutorial shows was printed, with the same numbers but for rounding, and times of its own."""
    (shown,) = blocks(name, "")
    said = [(NUMBER.sub("#", line), numbers(line)) for line in printed.splitlines()]
    for line in shown.splitlines():
        values = [found for text, found in said if text == NUMBER.sub("#", line)]
        assert values, f"{line!r}\n{printed}"
        if not line.startswith("ran: "):
            assert pytest.approx(numbers(line), rel=0.01) in values, f"{line!r}\n{printed}"


def numbers(line: str) -> list[float]:
    return [float(one) for one in NUMBER.findall(line)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the commands, whose environments are kept."""
    kept_environments(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_the_lungs_are_found_by_a_threshold(tmp_path: Path) -> None:
    require_as_shown("threshold", followed("threshold", tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_the_notebook_runs_by_itself(tmp_path: Path) -> None:
    require_as_shown("notebook", followed("notebook", tmp_path))


@pytest.mark.slow
def test_the_bundle_runs_by_its_own_configuration(home: Path, tmp_path: Path) -> None:
    need_torch()
    python = python_of(start(tmp_path / "like" / "ball", "monai").folder, home)
    require_as_shown("monai_bundle", followed("monai_bundle", tmp_path, TORCH=python))


@pytest.mark.slow
def test_the_model_of_nnunet_runs_by_nnunet(home: Path, tmp_path: Path) -> None:
    need_torch()
    like = start(tmp_path / "like" / "balls").folder
    shutil.copy(TUTORIALS / "nnunet" / "requirements.txt", like)
    printed = followed("nnunet", tmp_path, TORCH=python_of(like, home))
    require_as_shown("nnunet", printed)
    # What a network learns is not the same to the digit on each processor.
    (found,) = re.findall(r"^([\d.]+) mL are bright$", printed, flags=re.MULTILINE)
    assert float(found) == pytest.approx(BALL_ML, rel=0.25)


def test_every_tutorial_is_listed() -> None:
    listed = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    for readme in TUTORIALS.glob("*/README.md"):
        assert f"[{readme.parent.name}]({readme.parent.name}/README.md)" in listed
