"""What gateways know of a study besides its objects: how many it has where it comes from, and that all were sent."""

from __future__ import annotations

import time
from collections.abc import Collection

from ror.archive import Index
from ror.registry import ProjectStore

__all__ = ["Completeness"]


class Completeness:
    """Takes what is known for the settler, which need not be in this process."""

    def __init__(self, projects: ProjectStore, index: Index) -> None:
        self._projects = projects
        self._index = index

    def expect(self, project: str, study_instance_uid: str, instances: int, told_by: str) -> None:
        """A study has so many instances where it comes from (Number of Study Related Instances, PS3.4 C.3.4).

        Call it before its first object where that can be. Once so many are in the archive, the study is complete; while
        there are fewer, it has to be quiet ten times as long.

        Parameters
        ----------
        study_instance_uid
            As the source has it: identified, and not kept.
        told_by
            In a few words, for ``ror studies``: ``told by PACS research``.
        """
        key = self._projects.key(project)
        study_uid = self._projects.get(project).profile().uid(key, study_instance_uid)
        self._index.expect(project, study_uid, instances, told_by, time.time())

    def sent_whole(self, study_uids: Collection[str], by: str) -> None:
        """Whoever brought these studies (`Answer.study_uid`) has no more of them: they are complete now.

        `by` is the reason in a few words: ``its STOW request ended``. The next object of a study takes it back.
        """
        self._index.sent_whole(study_uids, by)
