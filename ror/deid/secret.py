"""Whose secret the research identities derive from: one of a run or a file here, a project's in `project_secret`.

A `Secret` travels to the worker processes and is opened there; what is opened stays in its process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from anonymizer import IdentifiedInstance, Profile, ProjectKey, ResearchInstance, Subject

__all__ = ["OpenSecret", "OwnSecret", "Secret"]


class OpenSecret(Protocol):
    """A secret at work, in one process."""

    @property
    def key(self) -> ProjectKey: ...

    def subject(self, instance: IdentifiedInstance, probe: Callable[[], object]) -> Subject | None:
        """Who the object is of; None where the key says it. `probe` raises if the object would be refused."""

    def keep(self, instance: IdentifiedInstance, research: ResearchInstance) -> None:
        """Keep the way back, if it is to be kept, before the object is seen in the folder."""

    def close(self) -> None: ...


class Secret(Protocol):
    """Where a secret is; says by `kind` what becomes of it."""

    @property
    def kind(self) -> str: ...

    def open(self, profile: Profile) -> OpenSecret:
        """Open it in this process, for objects that are treated by `profile`."""


@dataclass(frozen=True, slots=True)
class OwnSecret:
    """A secret of nobody's project, kept in a file or thrown away after the run."""

    secret: bytes = field(repr=False)
    kept: bool = True

    @property
    def kind(self) -> str:
        return "key file" if self.kept else "thrown away"

    def open(self, profile: Profile) -> OpenSecret:
        return _Derived(ProjectKey(self.secret))


@dataclass(frozen=True, slots=True)
class _Derived:
    key: ProjectKey

    def subject(self, instance: IdentifiedInstance, probe: Callable[[], object]) -> Subject | None:
        return None

    def keep(self, instance: IdentifiedInstance, research: ResearchInstance) -> None:
        """There is no way back but the secret."""

    def close(self) -> None:
        """Nothing is open."""
