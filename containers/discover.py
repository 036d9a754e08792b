"""Which runtimes work on this machine."""

from __future__ import annotations

from pathlib import Path

from containers.docker import DockerRuntime
from containers.process import ProcessRuntime
from containers.runtime import Runtime

__all__ = ["available"]


def available(root: Path, base_image: str | None = None) -> tuple[Runtime, ...]:
    """The runtimes that work here, best first: docker shuts a program in, process does not.

    Each gets a folder of its own below `root`. Empty when none works; each one's `availability` says why.
    """
    runtimes: tuple[Runtime, ...] = (
        DockerRuntime(root / "docker", base_image),
        ProcessRuntime(root / "process"),
    )
    return tuple(runtime for runtime in runtimes if runtime.availability().ok)
