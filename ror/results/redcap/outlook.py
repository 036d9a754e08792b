"""What the REDCap of a project would refuse of what its enabled workflows measure."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from containers import ContainersError, Manifest
from ror.errors import RorError
from ror.registry import Project, ProjectStore, WhoIsWho, WorkflowStore
from ror.results.redcap.check import Announced, Mismatch
from ror.results.redcap.redcaps import Redcaps

__all__ = ["RedcapOutlook"]

_log = logging.getLogger(__name__)
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a project's REDCap has to take: what its workflows measure, and the events that its coupling list names."""

    project: Project
    announced: tuple[Announced, ...]
    events_named: frozenset[str]


class RedcapOutlook:
    """Holds what the registry knows against what each REDCap says of itself."""

    def __init__(
        self, redcaps: Redcaps, projects: ProjectStore, workflows: WorkflowStore, who: WhoIsWho
    ) -> None:
        self._redcaps = redcaps
        self._projects = projects
        self._workflows = workflows
        self._who = who

    def manifests(self, project: str) -> list[Manifest]:
        """What the enabled workflows of a project announce, by name."""
        enabled = self._workflows.list(project, enabled_only=True)
        return [self._workflows.package(one.name, one.digest).manifest for one in enabled]

    def mismatches(self, project: Project, timeout_seconds: float | None = None) -> list[Mismatch]:
        """All that a project's REDCap would refuse now, with what to do (`Redcaps.check`)."""
        expected = self._expected(project)
        return self._redcaps.check(project, expected.announced, expected.events_named, timeout_seconds)

    def log(self) -> threading.Thread:
        """Log a warning for each mismatch of any project, so that no job is the first to find out.

        REDCap is asked in a thread, as whether it answers must hold up no start; what is in the database is read
        before, as the thread may outlive the service.
        """
        expected = []
        for project in self._projects.list():
            if project.redcap_url:
                try:
                    expected.append(self._expected(project))
                except (RorError, ContainersError) as error:
                    _log.warning("what REDCap of project %s must take is not known: %s", project.name, error)
        name = "look at REDCap"
        thread = threading.Thread(target=self._log_all, args=(expected,), name=name, daemon=True)
        thread.start()
        return thread

    def _expected(self, project: Project) -> _Expected:
        manifests = self.manifests(project.name)
        announced = tuple(Announced(one.name, one.outputs.measurements) for one in manifests)
        return _Expected(project, announced, self._who.couplings.events(project.name))

    def _log_all(self, expected: Sequence[_Expected]) -> None:
        for one in expected:
            name = one.project.name
            try:
                found = self._redcaps.check(one.project, one.announced, one.events_named, _SECONDS)
            except RorError as error:
                _log.warning("REDCap of project %s could not be asked what it would refuse: %s", name, error)
                continue
            for mismatch in found:
                _log.warning("REDCap of project %s would refuse: %s (%s)", name, mismatch.what, mismatch.mend)
