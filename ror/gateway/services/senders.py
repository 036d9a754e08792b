"""Which projects a sender's objects may be of, and which UIDs they have there."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer import Profile, ProjectKey
from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.registry import ProjectStore, RouteStore, Sender

__all__ = ["ProjectOfSender", "Senders"]


@dataclass(frozen=True, slots=True)
class ProjectOfSender:
    """A project that a route leads to from a sender."""

    name: str
    _profile: Profile
    _key: ProjectKey

    def uid(self, identified: str) -> str:
        """The research UID, as the intake gives it."""
        return self._profile.uid(self._key, identified)


class Senders:
    """Knows the projects of senders by their routes."""

    def __init__(self, projects: ProjectStore, routes: RouteStore) -> None:
        self._projects = projects
        self._routes = routes

    def projects_of(self, sender: Sender) -> tuple[ProjectOfSender, ...]:
        """The projects of all routes that fit the sender, whatever they ask of objects; `Refused` if there is none."""
        leading = [route.project for route in self._routes.list() if not route.misfits(sender)]
        if not leading:
            raise Refused(ServiceStatus.NOT_AUTHORIZED, "no route for this sender")
        return tuple(
            ProjectOfSender(name, self._projects.get(name).profile(), self._projects.key(name))
            for name in dict.fromkeys(leading)
        )
