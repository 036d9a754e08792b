"""Environments of workflows, kept between sessions: they are the same each time, and take a minute to make."""

import os
from pathlib import Path

import pytest

from examples.data.fetch import cache_folder

__all__ = ["kept_environments", "need_torch"]


def kept_environments(home: Path) -> Path:
    """Let the process runtime of a home folder make its environments where the next session finds them."""
    kept = cache_folder() / "environments"
    kept.mkdir(parents=True, exist_ok=True)
    of_home = home / "runtimes" / "process"
    of_home.mkdir(parents=True)
    (of_home / "envs").symlink_to(kept)
    return kept


def need_torch() -> None:
    """Skip a test of a workflow on torch, but where somebody asks for it: it fetches gigabytes, and takes minutes."""
    if not os.environ.get("ROR_TEST_TORCH"):
        pytest.skip(
            "torch takes gigabytes and minutes: ROR_TEST_TORCH=1 runs this, and keeps what it has fetched"
        )
