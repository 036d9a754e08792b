"""The home folder: where everything of one installation lies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ror.errors import HomeInUse
from ror.model import JobFolder

__all__ = ["Home"]


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below ``--home``; nothing is made by asking for one."""

    root: Path

    @property
    def archive(self) -> Path:
        """Research objects: ``<project>/<study>/<series>/<instance>.dcm``."""
        return self.root / "archive"

    @property
    def quarantine(self) -> Path:
        """Identified objects that could not be taken in; mode 0700."""
        return self.root / "quarantine"

    @property
    def secrets(self) -> Path:
        """The projects' keys; mode 0700."""
        return self.root / "secrets"

    @property
    def packages(self) -> Path:
        """Installed workflow packages."""
        return self.root / "packages"

    @property
    def runtimes(self) -> Path:
        """What the container runtimes build: environments, wheels."""
        return self.root / "runtimes"

    @property
    def database_url(self) -> str:
        """The embedded default."""
        return f"sqlite:///{self.root / 'ror.sqlite'}"

    @property
    def checkpoints_url(self) -> str:
        """Where the durable engine keeps its checkpoints with the embedded database."""
        return f"sqlite:///{self.root / 'checkpoints.sqlite'}"

    def job(self, job_id: str) -> JobFolder:
        """The folder of one job."""
        return JobFolder(self.root / "jobs" / job_id)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Be the only ``ror serve`` of this home; `HomeInUse` if there is another. A killed one holds nothing."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "serve.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HomeInUse(
                    f"another `ror serve` works in {self.root}", "stop it, or use another --home"
                ) from error
            yield
