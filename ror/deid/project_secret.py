"""The secret of a project, with its pseudonyms; by itself, since a run with a key file opens no database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer import IdentifiedInstance, OriginalIdentity, Profile, ResearchInstance, Subject
from ror.db import Database
from ror.deid.secret import OpenSecret
from ror.model import PseudonymScheme
from ror.registry import ProjectStore, PseudonymRule, WhoIsWho

__all__ = ["ProjectSecret"]

_REMEMBERED = 1024


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
