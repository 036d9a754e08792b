"""The way in, on one page: route → who is it → de-identify → make durable → acknowledge, and index soon.

Each object takes this way in memory. What `Intake.receive` answers is what the sender is told (PS3.4 B.2.3). What the
index may refuse, the first object of a series, is indexed before it is acknowledged.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Collection
from pathlib import Path

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    MissingIdentifier,
    OriginalIdentity,
    ResearchInstance,
    UnlistedPatient,
    Unreadable,
    fingerprint,
)
from ror.archive import DifferentContent, FileStore, Index, Receipt, describe_later
from ror.errors import RorError
from ror.gateway.answer import Answer, Status
from ror.gateway.corrections import SEGMENTATIONS, Corrections, is_of_research
from ror.gateway.gates import Gate, Gates
from ror.gateway.quarantine import Quarantine
from ror.gateway.received import Received
from ror.gateway.tally import Fate, Tally, TallyLine
from ror.gateway.way_back import KeptUids, kept_uids
from ror.model import PseudonymScheme
from ror.registry import Admission, ProjectStore, Route, RouteStore, Sender, WhoIsWho

__all__ = ["Intake"]

_log = logging.getLogger(__name__)
_MIB = 2**20
_MOST_WAITING_BYTES = 16 * _MIB  # what waits is read twice, and again after a crash


class _Withdrawn(Exception):
    """The object is of a study, or patient, that was withdrawn."""


class Intake:
    """Takes objects in, one call each, from any number of threads."""

    def __init__(
        self,
        projects: ProjectStore,
        routes: RouteStore,
        files: FileStore,
        index: Index,
        quarantine: Quarantine,
        who: WhoIsWho,
        reserve_mib: int,
        corrections: Corrections | None = None,
    ) -> None:
        self._corrections = corrections
        self._routes = routes
        self._gates = Gates(projects, routes, who, index)
        self._files = files
        self._index = index
        self._quarantine = quarantine
        self._who = who
        self._reserve = reserve_mib * _MIB
        self._of_thread = threading.local()
        self.tally = Tally()

    def admit(self, sender: Sender) -> Admission:
        """Whether anything that a sender may send has a route."""
        return self._routes.admission(sender)

    @property
    def spool(self) -> Path:
        """The folder in which identified bytes may be while an object comes in."""
        return self._quarantine.folder

    def receive(self, received: Received, project: str | None = None) -> Answer:
        """Take one object in; when the answer is SUCCESS it survives a crash.

        What comes from quarantine belongs to `project`, whatever the routes say now.
        """
        route = None
        try:
            if project is not None:
                gate = self._gates.of(project)
            elif (found := self._gates.find(received)) is not None:
                route, gate = found
                project = gate.project
            else:
                return self._counted(Answer(Status.NOT_AUTHORIZED, "no route for this sender and object"))
            answer = self._receive(received, gate, route)
        except (OSError, RorError) as error:
            _log.error("an object of %s could not be filed: %s", received.calling_ae, _told(error))
            answer = Answer(Status.OUT_OF_RESOURCES, "could not be filed; send again later")
        return self._counted(answer, project or "", route)

    def flush(self) -> None:
        """Return when whatever was acknowledged is indexed; `ServiceUnavailable` if it cannot be now."""
        self._index.flush()

    def sent_whole(self, study_uids: Collection[str], by: str) -> None:
        """The sender of these studies has sent all that it had, and they need not wait to be quiet; says `by` what."""
        self._index.sent_whole(study_uids, by)

    def _counted(self, answer: Answer, project: str = "", route: Route | None = None) -> Answer:
        """The answer, counted by the route as it was set: what a sender calls itself has no end."""
        titles = (route.calling_ae, route.called_ae) if route is not None else ("", "")
        self.tally.add(TallyLine(project, *titles, *_fate(answer)))
        return answer

    def _receive(self, received: Received, gate: Gate, route: Route | None) -> Answer:
        if shutil.disk_usage(self._files.root).free < self._reserve:
            _log.error("less than %d MiB of disk free: objects are refused", self._reserve // _MIB)
            return Answer(Status.OUT_OF_RESOURCES, "disk reserve reached")

        try:
            return self._take_in(received, gate, route)
        except _Withdrawn:
            # Kept nowhere: a patient who has withdrawn leaves no identified bytes in quarantine.
            return Answer(Status.WITHDRAWN, "withdrawn from the project")
        except (DeidentificationError, DifferentContent) as refusal:
            return self._refuse(received, gate.project, refusal)

    def _take_in(self, received: Received, gate: Gate, route: Route | None) -> Answer:
        deidentifier = self._deidentifier(gate)
        identified = received.identified(deidentifier)
        if (
            self._corrections is not None
            and received.sop_class_uid in SEGMENTATIONS
            and is_of_research(identified, gate.project, self._index)
        ):
            return self._take_back(received, gate.project, self._corrections)
        source_digest = fingerprint(identified, gate.key)
        sop_uid = gate.profile.uid(gate.key, received.sop_instance_uid)
        # Of two who bring the same object at once, the second finds what the first has brought.
        with self._index.turn(sop_uid):
            held = self._index.source_digest(sop_uid)
            if held is not None and _is_same(held, source_digest, gate, received):
                # The same object again: nothing to do, and nothing changes.
                self._complete_way_back(gate, deidentifier, identified, sop_uid)
                return Answer(Status.SUCCESS, held=True)
            research = self._deidentified(gate, deidentifier, identified)
            kept = kept_uids(identified, gate, self._who.identities.uids)
            wait = None if route is None else route.settle_seconds
            receipt = Receipt(gate.project, source_digest, wait, kept.own)
            self._file(research, receipt, kept, may_wait=held is None and not kept.shared)
        until_release = route is not None and route.until_release
        return Answer(Status.SUCCESS, study_uid=research.study_instance_uid, until_release=until_release)

    def _take_back(self, received: Received, project: str, corrections: Corrections) -> Answer:
        """A segmentation of ours that was corrected: what is known here by its research UIDs gets no others."""
        verdict = corrections.take(received.to_part10(), project, received.calling_ae)
        if not verdict.reason:
            return Answer(Status.SUCCESS, held=verdict.held)
        reason = f"correction_{verdict.reason}"
        self._quarantine.hold(received, project, reason, verdict.what)
        _log.warning("a correction of %s is in quarantine: %s: %s", received.calling_ae, reason, verdict.what)
        return Answer(Status.CORRECTION_REFUSED, f"quarantined: {reason}"[:64], reason=reason)

    def _deidentified(
        self, gate: Gate, deidentifier: Deidentifier, identified: IdentifiedInstance
    ) -> ResearchInstance:
        """The object without its identity, of which the way back is kept where the project wants it."""
        if not gate.asks_who:
            return _admitted(deidentifier.deidentify(identified)[0], gate)
        original = OriginalIdentity.of(identified)
        subject = self._who.subjects.find(gate.rule, gate.key, original, weekdays=gate.profile.weekdays)
        if subject is None and gate.rule.scheme is PseudonymScheme.COUNTED:
            # Numbers are not spent on patients of whom everything is refused.
            deidentifier.deidentify(identified)
            subject = self._who.subjects.count(gate.rule, gate.key, original)
        research = _admitted(deidentifier.deidentify(identified, subject)[0], gate)
        if gate.rule.keeps_identities:  # before it is filed: what is in the archive has its way back
            study_uid = research.study_instance_uid
            self._who.identities.keep(gate.project, research.patient_id, study_uid, original)
        return research

    def _complete_way_back(
        self, gate: Gate, deidentifier: Deidentifier, identified: IdentifiedInstance, sop_uid: str
    ) -> None:
        """Keep the way back of an object that has come before its project kept it, and now comes again."""
        uids = self._who.identities.uids
        if gate.keeps_uids and not uids.holds(gate.project, sop_uid):
            self._deidentified(gate, deidentifier, identified)  # which keeps that of its study
            kept = kept_uids(identified, gate, uids)
            uids.keep(gate.project, {**kept.shared, sop_uid: kept.own})

    def _deidentifier(self, gate: Gate) -> Deidentifier:
        """The one of this thread, and so of this association, which remembers what its series say again and again."""
        remembered: dict[str, Deidentifier] = self._of_thread.__dict__
        found = remembered.get(gate.project)
        if found is None or found.profile != gate.profile:
            found = remembered[gate.project] = Deidentifier(gate.profile, gate.key)
        return found

    def _file(self, research: ResearchInstance, receipt: Receipt, kept: KeptUids, *, may_wait: bool) -> None:
        """Make it durable and certain to be indexed; what the index could refuse is indexed now, the rest soon."""
        description = describe_later(research)
        may_wait = may_wait and research.length <= _MOST_WAITING_BYTES and self._index.may_wait(description)
        filed = self._files.file(receipt.project, research, receipt if may_wait else None)
        if filed.waiting_at is not None:
            self._index.add_soon(description, filed, receipt, time.time())
            return
        try:
            digest, settle_seconds = receipt.source_digest, receipt.settle_seconds
            sealed = {**kept.shared, research.sop_instance_uid: kept.own} if kept.own else kept.shared
            self._index.add(receipt.project, description, filed, digest, time.time(), settle_seconds, sealed)
            self._who.identities.uids.note_known(receipt.project, kept.shared)
        except DifferentContent:
            self._files.remove(filed)
            raise

    def _refuse(
        self, received: Received, project: str, refusal: DeidentificationError | DifferentContent
    ) -> Answer:
        """Keep what could not be taken in, and tell the sender that it is not in the archive."""
        if isinstance(refusal, DifferentContent):
            status, reason = Status.DUPLICATE_DIFFERS, "duplicate_differs"
        else:
            status, reason = _status_of(refusal), refusal.reason
        self._quarantine.hold(received, project, reason, str(refusal))
        _log.warning("an object of %s is in quarantine: %s: %s", received.calling_ae, reason, refusal)
        return Answer(status, f"quarantined: {reason}"[:64], reason=reason)


def _fate(answer: Answer) -> tuple[Fate, str]:
    if answer.reason:
        return Fate.QUARANTINED, answer.reason
    if answer.status is not Status.SUCCESS:
        return Fate.REFUSED, answer.status.name.lower()
    return (Fate.HELD if answer.held else Fate.FILED), ""


def _admitted(research: ResearchInstance, gate: Gate) -> ResearchInstance:
    if gate.withdrawn.includes(research.patient_id, research.study_instance_uid):
        raise _Withdrawn
    return research


def _is_same(held: str, source_digest: str, gate: Gate, received: Received) -> bool:
    # An older home has the digest of the bytes, which only the same transfer syntax brings again.
    return held == source_digest or held == gate.key.fingerprint(bytes(received.data))


def _status_of(refusal: DeidentificationError) -> Status:
    match refusal:
        case Unreadable():
            return Status.CANNOT_UNDERSTAND
        case MissingIdentifier():
            return Status.DATASET_MISMATCH
        case UnlistedPatient():
            return Status.UNLISTED_PATIENT
        case _:
            return Status.REFUSED_BY_PROFILE


def _told(error: OSError | RorError) -> str:
    # An OSError's text may hold a path; ours are made of hashed UIDs.
    return f"{type(error).__name__}: {error}"
