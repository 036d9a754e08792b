"""Whether each instance that a sender names is in the archive, and what the sender is told of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom import Dataset

from ror.archive import Index
from ror.gateway.association import Report
from ror.gateway.quarantine import Quarantine
from ror.gateway.services.pending import Commitment
from ror.gateway.services.senders import ProjectOfSender, Senders
from ror.gateway.services.statuses import FailureReason

__all__ = ["Judge", "Verdict", "report_of"]

_COMMITMENT: Final = "1.2.840.10008.1.20.1"
_WELL_KNOWN: Final = "1.2.840.10008.1.20.1.1"
_ALL_THERE, _FAILURES_EXIST = 1, 2  # event type IDs (PS3.4 J.3.3)


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """Pairs of SOP class and instance that are committed, and those that are not, with the reason; identified."""

    committed: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str, FailureReason], ...]


class Judge:
    """Looks instances up in the archive, under the UIDs that they have in each project of the sender."""

    def __init__(self, senders: Senders, index: Index, archive: Path, quarantine: Quarantine) -> None:
        self._senders = senders
        self._index = index
        self._archive = archive
        self._quarantine = quarantine

    def judge(self, commitment: Commitment) -> Verdict:
        """How things stand now; what was acknowledged is seen.

        Raises
        ------
        RorError
            The database does not answer.
        Refused
            No route leads from the sender any more.
        """
        projects = self._senders.projects_of(commitment.sender)
        asked = {uid for _sop_class, uid in commitment.instances}
        failing = dict.fromkeys(asked, FailureReason.NO_SUCH_OBJECT_INSTANCE)
        classes = dict[str, str]()
        for project in projects:
            self._look(project, asked, classes, failing)
        # What was refused is another object than the one that is held under its UID.
        names = [project.name for project in projects]
        for uid in self._quarantine.sop_instances_of(names, commitment.sender.calling_ae or ""):
            if uid in classes:
                failing[uid] = FailureReason.PROCESSING_FAILURE
        committed, failed = [], []
        for sop_class, uid in dict.fromkeys(commitment.instances):
            reason = failing.get(uid)
            if reason is None and classes[uid] != sop_class:
                reason = FailureReason.CLASS_INSTANCE_CONFLICT
            if reason is None:
                committed.append((sop_class, uid))
            else:
                failed.append((sop_class, uid, reason))
        return Verdict(tuple(committed), tuple(failed))

    def _look(
        self,
        project: ProjectOfSender,
        asked: Collection[str],
        classes: dict[str, str],
        failing: dict[str, FailureReason],
    ) -> None:
        mapped = {project.uid(uid): uid for uid in asked}
        for held in self._index.held(project.name, mapped):
            uid = mapped[held.sop_uid]
            classes[uid] = held.sop_class_uid
            if (self._archive / held.path).is_file():
                failing.pop(uid, None)
            else:  # somebody has deleted it behind our back
                failing[uid] = FailureReason.PROCESSING_FAILURE


def report_of(commitment: Commitment, verdict: Verdict) -> Report:
    """The result as the sender is told of it (PS3.4 table J.3-2)."""
    said = Dataset()
    said.TransactionUID = commitment.transaction_uid
    if verdict.committed or not verdict.failed:
        said.ReferencedSOPSequence = [_item(*one) for one in verdict.committed]
    if verdict.failed:
        said.FailedSOPSequence = [_item(*one) for one in verdict.failed]
    return Report(_COMMITMENT, _WELL_KNOWN, _FAILURES_EXIST if verdict.failed else _ALL_THERE, said)


def _item(sop_class: str, uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    if reason is not None:
        item.FailureReason = int(reason)
    return item
