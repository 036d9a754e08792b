"""All services of the listener, built from what they need."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ror.archive import Announcements, Index
from ror.config import PacsSettings
from ror.errors import ConfigurationError, RorError
from ror.gateway.association import Service, ServiceAnswer, ServiceRequest
from ror.gateway.quarantine import Quarantine
from ror.gateway.services.availability import AvailabilityNotifications
from ror.gateway.services.commitment import STORAGE_COMMITMENT, StorageCommitment
from ror.gateway.services.judging import Judge
from ror.gateway.services.pending import PendingCommitments
from ror.gateway.services.procedure_steps import ProcedureSteps
from ror.gateway.services.reporting import Reporter, peer_for
from ror.gateway.services.senders import Senders
from ror.gateway.services.statuses import Refused, ServiceStatus
from ror.registry import ProjectStore, RouteStore, Sender

__all__ = ["SERVICES", "USED", "Services"]

_log = logging.getLogger(__name__)
_PROCEDURE_STEPS: Final = "1.2.840.10008.3.1.2.3.3"
_AVAILABILITY: Final = "1.2.840.10008.5.1.4.33"
_UID: Final = re.compile(r"[0-9.]{0,64}")

SERVICES: Final = (STORAGE_COMMITMENT, _PROCEDURE_STEPS, _AVAILABILITY)
"""Their SOP classes."""
USED: Final = (STORAGE_COMMITMENT,)
"""Those of which a peer may be the provider, and we the user."""


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
        told: Callable[[str, Sequence[str]], bool] = lambda _transaction, _kept: False,
    ) -> None:
        senders = Senders(projects, routes)
        pending = PendingCommitments(quarantine.folder)
        judge = Judge(senders, index, archive, quarantine)
        self._read_pacs = read_pacs
        self.reporter = Reporter(pending, judge, read_pacs, our_ae_title)
        self.by_sop_class: Mapping[str, Service] = {
            STORAGE_COMMITMENT: _Told(StorageCommitment(senders, judge, pending, self.reporter.wake, told)),
            _PROCEDURE_STEPS: _Told(ProcedureSteps(senders, announcements)),
            _AVAILABILITY: _Told(AvailabilityNotifications(senders, announcements)),
        }

    def expects(self, sender: Sender) -> bool:
        """Whether a sender is a PACS that is asked for storage commitment, and may tell the result."""
        try:
            settings = peer_for(sender, self._read_pacs())
        except ConfigurationError:  # somebody writes the file now; the PACS tells again
            return False
        return settings is not None and bool(settings.commitment)

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
