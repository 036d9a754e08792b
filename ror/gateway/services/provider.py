"""All services of the listener, built from what they need."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ror.archive import Announcements, Index
from ror.config import PacsSettings
from ror.errors import RorError
from ror.gateway.association import Service, ServiceAnswer, ServiceRequest
from ror.gateway.quarantine import Quarantine
from ror.gateway.services.availability import AvailabilityNotifications
from ror.gateway.services.commitment import STORAGE_COMMITMENT, StorageCommitment
from ror.gateway.services.judging import Judge
from ror.gateway.services.pending import PendingCommitments
from ror.gateway.services.procedure_steps import ProcedureSteps
from ror.gateway.services.reporting import Reporter
from ror.gateway.services.senders import Senders
from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.registry import ProjectStore, RouteStore

__all__ = ["SERVICES", "Services"]

_log = logging.getLogger(__name__)
_PROCEDURE_STEPS: Final = "1.2.840.10008.3.1.2.3.3"
_AVAILABILITY: Final = "1.2.840.10008.5.1.4.33"
_UID: Final = re.compile(r"[0-9.]{0,64}")

SERVICES: Final = (STORAGE_COMMITMENT, _PROCEDURE_STEPS, _AVAILABILITY)
"""Their SOP classes."""


class Services:
    """The services by SOP class, and the thread that reports what was asked before."""

    def __init__(
        self,
        projects: ProjectStore,
        routes: RouteStore,
        index: Index,
        announcements: Announcements,
        archive: Path,
        quarantine: Quarantine,
        read_pacs: Callable[[], Mapping[str, PacsSettings]],
        our_ae_title: str,
    ) -> None:
        senders = Senders(projects, routes)
        pending = PendingCommitments(quarantine.folder)
        judge = Judge(senders, index, archive, quarantine)
        self.reporter = Reporter(pending, judge, read_pacs, our_ae_title)
        self.by_sop_class: Mapping[str, Service] = {
            STORAGE_COMMITMENT: _Told(StorageCommitment(senders, judge, pending, self.reporter.wake)),
            _PROCEDURE_STEPS: _Told(ProcedureSteps(senders, announcements)),
            _AVAILABILITY: _Told(AvailabilityNotifications(senders, announcements)),
        }

    def start(self) -> None:
        """Report results of storage commitment on associations of our own, from now on."""
        self.reporter.start()

    def stop(self) -> None:
        """Stop doing so."""
        self.reporter.stop()


class _Told:
    """A service whose errors are statuses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """As the service answers; what it refuses is logged without a value."""
        try:
            if not _UID.fullmatch(request.sop_instance_uid):
                raise Refused(ServiceStatus.INVALID_OBJECT_INSTANCE, "the SOP instance has no UID")
            return self._service.answer(request)
        except Refused as refused:
            answer = refused.answer
            _log.warning("a request of %s is refused: %s", request.sender.calling_ae, answer.comment)
            return answer
        except RorError as error:
            _log.error("a request of %s cannot be met: %s", request.sender.calling_ae, error)
            return ServiceAnswer(ServiceStatus.PROCESSING_FAILURE, "cannot be met now; send again later")
