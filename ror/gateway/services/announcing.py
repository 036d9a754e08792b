"""What is announced of studies, kept for each project that they may be of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ror.archive import Announcement, Announcements
from ror.gateway.services.senders import ProjectOfSender
from ror.model import StepState

__all__ = ["Told", "announce"]


@dataclass(frozen=True, slots=True)
class Told:
    """How it stands, by whom, and when (s since the epoch)."""

    state: StepState
    by: str
    at: float


def announce(
    announcements: Announcements,
    projects: Iterable[ProjectOfSender],
    uid: str,
    studies: Iterable[str],
    instances: Collection[str],
    told: Told,
) -> bool:
    """Keep the announcement `uid` of studies and the instances that it names, all as the sender calls them.

    False, changing nothing, if it is known.
    """
    studies, projects = tuple(studies), tuple(projects)
    announced = [
        Announcement(
            uid=project.uid(uid),
            project=project.name,
            study_uids=tuple(project.uid(study) for study in studies),
            state=told.state,
            told_by=told.by,
            told_at=told.at,
        )
        for project in projects
    ]
    named = [(project.uid(uid), project.uid(one)) for project in projects for one in instances]
    return announcements.add(announced, named)
