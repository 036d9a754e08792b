"""Whose secret the research identities derive from: one of a run or a file, or a project's, with its pseudonyms.

A `Secret` travels to the worker processes and is opened there; what is opened stays in its process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from anonymizer import IdentifiedInstance, OriginalIdentity, Profile, ProjectKey, ResearchInstance, Subject
from ror.db import Database
from ror.model import PseudonymScheme
from ror.registry import ProjectStore, PseudonymRule, WhoIsWho

__all__ = ["OpenSecret", "OwnSecret", "ProjectSecret", "Secret"]

_REMEMBERED = 1024


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
class ProjectSecret:
    """The secret of a project, and its rule of pseudonyms: counted and coupled patients are those of the archive."""

    project: str
    database_url: str = field(repr=False)
    secrets_folder: Path

    @property
    def kind(self) -> str:
        return "project"

    def open(self, profile: Profile) -> OpenSecret:
        return _OfProject(self, profile)


@dataclass(frozen=True, slots=True)
class _Derived:
    key: ProjectKey

    def subject(self, instance: IdentifiedInstance, probe: Callable[[], object]) -> Subject | None:
        return None

    def keep(self, instance: IdentifiedInstance, research: ResearchInstance) -> None:
        """There is no way back but the secret."""

    def close(self) -> None:
        """Nothing is open."""


class _OfProject:
    """Does what the gateway does (`ror.gateway.Intake`), so that both ways in make the same patients."""

    def __init__(self, secret: ProjectSecret, profile: Profile) -> None:
        self._weekdays = profile.weekdays
        self._database = Database(secret.database_url)
        self._who = WhoIsWho.of(self._database, secret.secrets_folder)
        self.key = ProjectStore(self._database, secret.secrets_folder).key(secret.project)
        self._rule: PseudonymRule = self._who.rules.get(secret.project)
        if self._rule.keeps_identities:
            self._who.identities.check(secret.project)
        self._known: dict[OriginalIdentity, Subject] = {}
        self._kept = ("", "")

    def subject(self, instance: IdentifiedInstance, probe: Callable[[], object]) -> Subject | None:
        if self._rule.scheme is PseudonymScheme.DERIVED:
            return None
        original = OriginalIdentity.of(instance)
        if not original.patient_id:
            return None  # it will be refused
        subject = self._known.get(original) or self._who.subjects.find(
            self._rule, self.key, original, weekdays=self._weekdays
        )
        if subject is None:
            probe()  # numbers are not spent on patients of whom everything is refused
            subject = self._who.subjects.count(self._rule, self.key, original)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[original] = subject
        return subject

    def keep(self, instance: IdentifiedInstance, research: ResearchInstance) -> None:
        study = (research.patient_id, research.study_instance_uid)
        if self._rule.keeps_identities and study != self._kept:
            self._who.identities.keep(self._rule.project, *study, OriginalIdentity.of(instance))
            self._kept = study

    def close(self) -> None:
        self._database.close()
