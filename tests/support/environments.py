"""Environments of workflows, kept between sessions: they are the same each time, and take a minute to make."""

from pathlib import Path

from examples.data.fetch import cache_folder

__all__ = ["kept_environments"]


def kept_environments(home: Path) -> Path:
    """Let the process runtime of a home folder make its environments where the next session finds them."""
    kept = cache_folder() / "environments"
    kept.mkdir(parents=True, exist_ok=True)
    of_home = home / "runtimes" / "process"
    of_home.mkdir(parents=True)
    (of_home / "envs").symlink_to(kept)
    return kept
