"""Objects of one study, as they come from a PACS, take the way in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from orthanc import RetrievedObject
from ror.gateway.answer import Status
from ror.gateway.importing import Outcome, outcome_of
from ror.gateway.intake import Intake
from ror.gateway.received import NotPart10, Received

__all__ = ["Interrupted", "Taker"]


class Interrupted(Exception):
    """Somebody has asked to stop: the study that comes now is fetched again another time."""


class Taker:
    """Takes objects into a project and counts them; `stopped` is asked before each."""

    def __init__(self, intake: Intake, project: str, sender: str, stopped: Callable[[], bool]) -> None:
        self._intake = intake
        self._project = project
        self._sender = sender[:16]
        self._stopped = stopped
        self._uids: set[str] = set()
        self.studies: set[str] = set()
        self.objects: Counter[tuple[Outcome, str]] = Counter()

    @property
    def came(self) -> int:
        """How many objects have come, each counted once."""
        return len(self._uids)

    def take(self, one: RetrievedObject) -> int:
        """The status that the peer is told.

        Raises
        ------
        Interrupted, ServiceUnavailable
            Nothing more is taken now.
        """
        return self._take(
            Received(
                self._sender, "", one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax_uid, one.data
            )
        )

    def take_file(self, data: bytes) -> None:
        """An object that comes as a file (PS3.10); errors as in `take`."""
        try:
            self._take(Received.from_file(data, self._sender))
        except NotPart10 as fault:
            self.objects[Outcome.REFUSED, fault.reason] += 1

    def _take(self, received: Received) -> int:
        if self._stopped():
            raise Interrupted
        answer = self._intake.receive(received, self._project)
        self.objects[outcome_of(answer)] += 1
        self._uids.add(received.sop_instance_uid)
        if answer.study_uid:
            self.studies.add(answer.study_uid)
        # What is in quarantine is with us: the peer need not hear of it as of a fault, and end the study for it.
        return int(Status.SUCCESS)
