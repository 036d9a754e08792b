"""The home folder: where everything of one installation lies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ror.errors import ConfigurationError, HomeInUse
from ror.model import JobFolder

__all__ = ["Home"]

# What a home has at least one of: settings, the embedded database, the projects' keys.
_SIGNS = ("ror.toml", "ror.sqlite", "secrets")


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
    def submissions(self) -> Path:
        """Workflows that are being received; what a killed process left is removed at the next start."""
        return self.root / "submissions"

    @property
    def runtimes(self) -> Path:
        """What the container runtimes build: environments, wheels."""
        return self.root / "runtimes"

    @property
    def pulls(self) -> Path:
        """What was pulled from which PACS into which project; names nobody."""
        return self.root / "pulls"

    @property
    def corrections(self) -> Path:
        """Masks that were corrected in a viewer and came back, by job; each version is a file."""
        return self.root / "corrections"

    @property
    def database_url(self) -> str:
        """The embedded default."""
        return f"sqlite:///{self.root / 'ror.sqlite'}"

    @property
    def checkpoints_url(self) -> str:
        """Where the durable engine keeps its checkpoints with the embedded database."""
        return f"sqlite:///{self.root / 'checkpoints.sqlite'}"

    @property
    def jobs(self) -> Path:
        """The folders of jobs."""
        return self.root / "jobs"

    @property
    def coming(self) -> Path:
        """What hosts without this folder are sending; what a killed process left is removed at the next start."""
        return self.jobs / ".coming"  # where it is moved from, so on the same disk

    def job(self, job_id: str) -> JobFolder:
        """The folder of one job."""
        return JobFolder(self.jobs / job_id)

    def make(self) -> None:
        """Make the folder if it is not there; `ConfigurationError` if it cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the home folder {self.root} cannot be made: {error.strerror}",
                advice="choose another with --home or ROR_HOME, or make it for the user of ror",
            ) from error

    @property
    def is_one(self) -> bool:
        """Whether the folder has been made a home: by a project that was added, or by settings."""
        return any((self.root / name).exists() for name in _SIGNS)

    def require(self) -> None:
        """`ConfigurationError` if the folder is no home: a mistyped one must not look like one without jobs."""
        if not self.is_one:
            raise ConfigurationError(
                f"there is no home folder at {self.root}",
                advice=f"correct --home or ROR_HOME, or make one: ror --home {self.root} project add NAME",
            )

    def require_no_studies(self) -> None:
        """`ConfigurationError` if it is the home of an installation: a mere host removes what is in `jobs`."""
        if any(folder.exists() for folder in (self.archive, self.secrets)):
            raise ConfigurationError(
                f"{self.root} holds studies or secrets of projects; a host with a gateway has a home of its own",
                advice="say --home with another folder, or leave out --gateway where this one is shared",
            )

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Be the only ``ror serve`` of this home, or host with a gateway; `HomeInUse` if there is another.

        A killed one holds nothing.
        """
        told = HomeInUse(
            f"another `ror serve`, or `ror work` with a gateway, works in {self.root}",
            "stop it, or use another --home",
        )
        with _held(self.root / "serve.lock", told):
            yield

    @contextmanager
    def taking_in(self) -> Iterator[None]:
        """Take in objects, beside any others: nobody removes what we have not finished. A killed one holds nothing."""
        with _locked(self._intake_lock, fcntl.LOCK_SH):
            yield

    @contextmanager
    def nobody_taking_in(self) -> Iterator[bool]:
        """Whether no other process takes in objects now; if so, none begins to before the block ends."""
        with ExitStack() as stack:
            try:
                stack.enter_context(_locked(self._intake_lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
                alone = True
            except BlockingIOError:
                alone = False
            yield alone

    @property
    def _intake_lock(self) -> Path:
        return self.root / "intake.lock"

    @contextmanager
    def worked_on_by(self, executor_id: str) -> Iterator[None]:
        """Be the only worker of that name in this home: a second would take up the jobs of the first once more.

        `HomeInUse` if there is another. A killed one holds nothing.
        """
        told = HomeInUse(
            f"another worker with the executor id {executor_id} works in {self.root}",
            "give each its own: engine.executor_id in ror.toml, or ROR_ENGINE__EXECUTOR_ID",
        )
        with _held(self.root / f"worker-{executor_id}.lock", told):
            yield


@contextmanager
def _held(file: Path, told: HomeInUse) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(_locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise told from error
        yield


@contextmanager
def _locked(file: Path, how: int) -> Iterator[None]:
    # To read is enough: another user, such as root, may have made the file.
    descriptor = os.open(file, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
