"""Environments of workflows, kept between sessions: they are the same each time, and take a minute to make."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from containers import ImageError, Package, ProcessRuntime
from examples.data.fetch import cache_folder

__all__ = ["kept_environments", "need_torch", "python_of"]

_TORCH = "torch==2.13.0"  # as in the requirements of what runs on it
_ASKED = "ROR_TEST_TORCH"
_OF_CARDS = ("nvidia-", "cuda-", "triton")


def kept_environments(home: Path) -> Path:
    """Let the process runtime of a home folder make its environments where the next session finds them."""
    kept = cache_folder() / "environments"
    kept.mkdir(parents=True, exist_ok=True)
    of_home = home / "runtimes" / "process"
    of_home.mkdir(parents=True)
    (of_home / "envs").symlink_to(kept)
    return kept


def python_of(folder: Path, home: Path) -> str:
    """The Python of the environment that the workflow in a folder gets; skips a test where pip cannot fetch it."""
    try:
        image = ProcessRuntime(home / "runtimes" / "process").prepare(Package.load(folder))
    except ImageError as error:
        pytest.skip(f"its environment cannot be made here: {error}")
    return f"{image.reference}/bin/python"


def need_torch() -> None:
    """Skip a test of a workflow on torch, unless ``ROR_TEST_TORCH`` says that it may be fetched.

    ``cpu``, as CI says: where pip gives a build without CUDA, of 200 MB; ``1``: whatever it gives, which may be
    gigabytes. Either takes a minute once, and is kept.
    """
    asked = os.environ.get(_ASKED)
    if not asked:
        pytest.skip(
            f"torch takes a minute and hundreds of MB: {_ASKED}=cpu runs this, and keeps what it has fetched"
        )
    if asked == "cpu" and (why_not := _no_cpu_build()):
        pytest.skip(f"TORCH IS NOT FETCHED HERE: {why_not}; {_ASKED}=1 fetches it all the same")


@cache
def _no_cpu_build() -> str:
    """Why pip gives no build of torch for CPUs; empty if it does. It is only asked, and fetches nothing."""
    wheels = os.environ.get("ROR_WHEELS")
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--quiet",
    ]
    words += ["--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--report", "-"]
    words += ["--no-index", "--find-links", wheels] if wheels else []
    done = subprocess.run([*words, _TORCH], capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["pip has failed"])[-1]
    (found,) = json.loads(done.stdout)["install"]
    needed = [Requirement(one) for one in found["metadata"].get("requires_dist", ())]
    of_cards = [
        one.name
        for one in needed
        if one.name.startswith(_OF_CARDS) and (one.marker is None or one.marker.evaluate({"extra": ""}))
    ]
    if of_cards:
        version = found["metadata"]["version"]
        return f"torch {version} would bring {len(of_cards)} packages of CUDA, such as {of_cards[0]}"
    return ""
