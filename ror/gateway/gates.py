"""Where objects enter: the routes, and by which rules each project lets them in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from anonymizer import Profile, ProjectKey
from ror.archive import Index
from ror.gateway.received import Received
from ror.gateway.routing import route_of
from ror.model import PseudonymScheme
from ror.registry import ProjectStore, PseudonymRule, Route, RouteStore, WhoIsWho, Withdrawn

__all__ = ["Gate", "Gates"]


@dataclass(frozen=True, slots=True)
class Gate:
    """By which rules a project lets objects in.

    `keeps_uids` says whether the way back of UIDs is kept besides that of the patient; `withdrawn` is not let in.
    """

    project: str
    profile: Profile
    key: ProjectKey
    rule: PseudonymRule
    keeps_uids: bool = False
    withdrawn: Withdrawn = field(default_factory=Withdrawn)

    @property
    def asks_who(self) -> bool:
        """Whether it matters who an object is of, beyond what the key makes of it."""
        return self.rule.scheme is not PseudonymScheme.DERIVED or self.rule.keeps_identities


@dataclass(slots=True)
class _Read:
    """What was read since the database was in a version."""

    version: int | None
    routes: Sequence[Route] | None = None
    gates: dict[str, Gate] = field(default_factory=dict)


class Gates:
    """Settings as they are now, whoever has changed them; read again only when the database has changed."""

    def __init__(self, projects: ProjectStore, routes: RouteStore, who: WhoIsWho, index: Index) -> None:
        self._projects = projects
        self._routes = routes
        self._who = who
        self._index = index
        self._keys: dict[str, ProjectKey] = {}
        self._read = _Read(None)
        self._lock = threading.Lock()

    def find(self, received: Received) -> tuple[Route, Gate] | None:
        """By which route an object comes, and the gate at its end; None if there is no route."""
        with self._now() as read:
            if read.routes is None:
                read.routes = self._routes.list()
            route = route_of(read.routes, received)
            return None if route is None else (route, self._gate(read, route.project))

    def of(self, project: str) -> Gate:
        """The gate of a project.

        Raises
        ------
        NotFound
            There is no such project.
        ConfigurationError
            Its secret cannot be read.
        """
        with self._now() as read:
            return self._gate(read, project)

    @contextmanager
    def _now(self) -> Iterator[_Read]:
        # Asked for before anything is read: what changes meanwhile is read again for the next object.
        version, read = self._index.version(), self._read
        if version is not None and version == read.version:
            yield read
        else:
            read = self._read = _Read(version)
            with self._index.one_look():
                yield read

    def _gate(self, read: _Read, project: str) -> Gate:
        if project not in read.gates:
            with self._lock:  # secrets never change
                if project not in self._keys:
                    self._keys[project] = self._projects.key(project)
            settings, rule = self._projects.get(project), self._who.rules.get(project)
            keeps_uids = rule.keeps_identities and settings.original_identity
            withdrawn = self._who.withdrawals.now(project)
            read.gates[project] = Gate(
                project, settings.profile(), self._keys[project], rule, keeps_uids, withdrawn
            )
        return read.gates[project]
