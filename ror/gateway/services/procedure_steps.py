"""Modality Performed Procedure Step SCP (PS3.4 F.7): what an examination has made tells when its study is complete."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from itertools import chain
from typing import Final

from ror.archive import Announcements
from ror.gateway.association import CommandField, ServiceAnswer, ServiceRequest
from ror.gateway.services.announcing import Told, announce
from ror.gateway.services.attributes import Attributes, counted, missing, read, required_uid
from ror.gateway.services.senders import Senders
from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.model import StepState

__all__ = ["ProcedureSteps"]

_STATUS: Final = "PerformedProcedureStepStatus"
_SERIES: Final = "PerformedSeriesSequence"
# Images, and what is none: reports of dose, presentation states.
_NAMING: Final = ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence")
_MOST_STUDIES: Final = 100
_NO_LONGER: Final = 0xA710  # Error ID: the step may no longer be updated (PS3.4 F.7.2.2.2)


class ProcedureSteps:
    """Keeps which studies have a step in progress, and which instances completed steps have made.

    Everything is mapped to each project of the sender, and nothing else is kept. A step that was discontinued claims
    nothing: its study settles as if there were none.
    """

    def __init__(
        self, senders: Senders, announcements: Announcements, clock: Callable[[], float] = time.time
    ) -> None:
        self._senders = senders
        self._announcements = announcements
        self._clock = clock

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """N-CREATE and N-SET."""
        match request.operation:
            case CommandField.N_CREATE:
                return self._created(request, read(request))
            case CommandField.N_SET:
                return self._set(request, read(request))
        raise Refused(ServiceStatus.UNRECOGNIZED_OPERATION, "MPPS knows N-CREATE and N-SET")

    def _created(self, request: ServiceRequest, said: Attributes) -> ServiceAnswer:
        if _state(said) is not StepState.IN_PROGRESS:
            raise Refused(ServiceStatus.INVALID_ATTRIBUTE_VALUE, f"{_STATUS} begins as IN PROGRESS")
        studies = {
            required_uid(item, "StudyInstanceUID") for item in said.items("ScheduledStepAttributesSequence")
        }
        if not studies:
            raise missing(said, "ScheduledStepAttributesSequence")
        if len(studies) > _MOST_STUDIES:
            raise Refused(ServiceStatus.RESOURCE_LIMITATION, f"more than {_MOST_STUDIES} studies")
        step = request.sop_instance_uid or f"2.25.{uuid.uuid4().int}"
        named = _named(said)
        told = Told(StepState.IN_PROGRESS, f"MPPS of {request.sender.calling_ae}", self._clock())
        projects = self._senders.projects_of(request.sender)
        if not announce(self._announcements, projects, step, studies, named, told):
            raise Refused(ServiceStatus.DUPLICATE_SOP_INSTANCE, "the procedure step is known")
        return ServiceAnswer(ServiceStatus.SUCCESS, sop_instance_uid=step)

    def _set(self, request: ServiceRequest, said: Attributes) -> ServiceAnswer:
        state = _state(said) if said.has(_STATUS) else StepState.IN_PROGRESS
        projects = self._senders.projects_of(request.sender)
        steps = {project.uid(request.sop_instance_uid): project for project in projects}
        instances = None
        if said.has(_SERIES):  # what was named before is named again
            named = _named(said)
            instances = [(step, project.uid(one)) for step, project in steps.items() for one in named]
        was = self._announcements.change(list(steps), state, self._clock(), instances)
        if was is None:
            raise Refused(ServiceStatus.NO_SUCH_SOP_INSTANCE, "there is no such procedure step")
        if was is not StepState.IN_PROGRESS:
            told = "the procedure step may no longer be updated"
            raise Refused(ServiceStatus.PROCESSING_FAILURE, told, _NO_LONGER)
        return ServiceAnswer(ServiceStatus.SUCCESS)


def _state(said: Attributes) -> StepState:
    text = said.text(_STATUS)
    if not text:
        raise missing(said, _STATUS)
    try:
        return StepState(text)
    except ValueError as error:
        raise Refused(ServiceStatus.INVALID_ATTRIBUTE_VALUE, f"{_STATUS} is unknown") from error


def _named(said: Attributes) -> Collection[str]:
    items = chain.from_iterable(said.items(_SERIES, naming) for naming in _NAMING)
    return dict.fromkeys(required_uid(item, "ReferencedSOPInstanceUID") for item in counted(items))
