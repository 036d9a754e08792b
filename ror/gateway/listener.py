"""The DICOM listener: Storage and Verification SCP (PS3.4 B, A) on pynetdicom."""

from __future__ import annotations

import logging
from typing import Any

from pydicom import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt

from ror.config import ListenerSettings
from ror.errors import ConfigurationError
from ror.gateway.intake import Answer, Intake
from ror.gateway.received import Received

__all__ = ["Listener"]

_log = logging.getLogger(__name__)
_VERIFICATION = "1.2.840.10008.1.1"  # Verification SOP Class (PS3.4 A.4)
_MAX_PDU_BYTES = 128 * 1024
_IDLE_SECONDS = 60


class Listener:
    """Accepts every storage class in every transfer syntax that pynetdicom knows, and hands each object to `Intake`."""

    def __init__(self, settings: ListenerSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._server: Any = None

    @property
    def port(self) -> int:
        """The port that is listened on, also when the settings say 0 (any free one)."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen from now on; returns at once."""
        entity = AE(ae_title=self._settings.ae_title)
        entity.maximum_associations = self._settings.max_associations
        entity.maximum_pdu_size = _MAX_PDU_BYTES
        entity.network_timeout = _IDLE_SECONDS
        entity.add_supported_context(_VERIFICATION)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), list(AllTransferSyntaxes))
        address = (self._settings.host, self._settings.port)
        try:
            self._server = entity.start_server(
                address, block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror}",
                advice="stop the program that uses the port, or set listener.port in ror.toml",
            ) from error
        _log.info("listening as %s on %s:%d", self._settings.ae_title, address[0], self.port)

    def stop(self) -> None:
        """Stop listening; associations in progress are aborted, and what was not acknowledged is sent again."""
        if self._server is not None:
            self._server.shutdown()

    def _store(self, event: Any) -> Dataset:
        request, context = event.request, event.context
        answer = self._intake.receive(
            Received(
                calling_ae=event.assoc.requestor.ae_title.strip(),
                called_ae=event.assoc.requestor.primitive.called_ae_title.strip(),
                sop_class_uid=str(request.AffectedSOPClassUID),
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                transfer_syntax_uid=str(context.transfer_syntax),
                data=request.DataSet.getvalue(),
            )
        )
        return _response(answer)


def _response(answer: Answer) -> Dataset:
    status = Dataset()
    status.Status = int(answer.status)
    if answer.comment:
        status.ErrorComment = answer.comment
    return status
