"""Instance Availability Notification SCP (PS3.4 annex R): what a PACS has of a study is what will come of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Final

from ror.archive import Announcements
from ror.gateway.association import CommandField, ServiceAnswer, ServiceRequest
from ror.gateway.services.announcing import Told, announce
from ror.gateway.services.attributes import counted, read, required_uid
from ror.gateway.services.senders import Senders
from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.model import StepState

__all__ = ["AvailabilityNotifications"]

_AVAILABLE: Final = ("ONLINE", "NEARLINE")  # what is OFFLINE or UNAVAILABLE is not waited for


class AvailabilityNotifications:
    """Keeps which instances of a study are available, mapped to each project of the sender."""

    def __init__(
        self, senders: Senders, announcements: Announcements, clock: Callable[[], float] = time.time
    ) -> None:
        self._senders = senders
        self._announcements = announcements
        self._clock = clock

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """N-CREATE."""
        if request.operation != CommandField.N_CREATE:
            raise Refused(ServiceStatus.UNRECOGNIZED_OPERATION, "a notification is created, and no more")
        said = read(request)
        study = required_uid(said, "StudyInstanceUID")
        named = {
            required_uid(item, "ReferencedSOPInstanceUID")
            for item in counted(said.items("ReferencedSeriesSequence", "ReferencedSOPSequence"))
            if item.text("InstanceAvailability") in _AVAILABLE
        }
        notification = request.sop_instance_uid or f"2.25.{uuid.uuid4().int}"
        told = Told(StepState.COMPLETED, f"availability told by {request.sender.calling_ae}", self._clock())
        projects = self._senders.projects_of(request.sender)
        if not announce(self._announcements, projects, notification, (study,), named, told):
            raise Refused(ServiceStatus.DUPLICATE_SOP_INSTANCE, "the notification is known")
        return ServiceAnswer(ServiceStatus.SUCCESS, sop_instance_uid=notification)
