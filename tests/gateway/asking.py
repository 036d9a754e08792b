"""A listener with all its services, and what asks it: pynetdicom as a modality, a workstation or a PACS."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.presentation import build_context

from orthanc import Peer, send
from orthanc.dimse.association import associate
from ror.archive import Announcements
from ror.config import ListenerSettings, PacsSettings
from ror.db import Database
from ror.gateway import USED, Listener, Services
from ror.gateway.association import promises
from ror.registry import CommitmentStore
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway

__all__ = [
    "AVAILABILITY",
    "COMMITMENT",
    "COMMITMENT_INSTANCE",
    "DEADLINE_SECONDS",
    "STEPS",
    "STUDY",
    "Asked",
    "KeptOpen",
    "Served",
    "Workstation",
    "commitment_request",
    "item",
    "uid_of",
]

COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
STEPS = "1.2.840.10008.3.1.2.3.3"
AVAILABILITY = "1.2.840.10008.5.1.4.33"
STUDY = f"{ROOT}.7"
DEADLINE_SECONDS = 30.0


def uid_of(number: int) -> str:
    """The SOP Instance UID of an object of `STUDY`."""
    return f"{STUDY}.1.{number}"


def item(**attributes: Any) -> Dataset:
    """A data set, whether its values are what they should be or not."""
    made = Dataset()
    for keyword, value in attributes.items():
        made.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))
    return made


def commitment_request(transaction: str, *uids: str, sop_class: str = CTImageStorage) -> Dataset:
    """The action information of a request for storage commitment."""
    asked = [item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid) for uid in uids]
    return item(TransactionUID=transaction, ReferencedSOPSequence=asked)


@dataclass(frozen=True)
class Asked:
    """An association."""

    association: Association

    def action(self, data: Dataset, action_type: int = 1, instance: str = COMMITMENT_INSTANCE) -> int:
        """Ask for storage commitment; the status."""
        status, _ = self.association.send_n_action(data, action_type, COMMITMENT, instance)
        return int(status.Status)

    def create(self, sop_class: str, uid: str | None, data: Dataset) -> Dataset:
        """N-CREATE; the response."""
        responses: list[Any] = []
        handler = (evt.EVT_DIMSE_RECV, lambda event: responses.append(event.message))
        self.association.bind(*handler)
        self.association.send_n_create(data, sop_class, uid)
        self.association.unbind(*handler)
        command: Dataset = responses[-1].command_set
        return command

    def set(self, uid: str, data: Dataset) -> Dataset:
        """N-SET of a procedure step; the response."""
        status, _ = self.association.send_n_set(data, STEPS, uid)
        return status


@dataclass(frozen=True)
class KeptOpen(Asked):
    """An association on which reports come: event type and information of each."""

    reports: queue.Queue[tuple[int, Dataset]] = field(default_factory=queue.Queue)
    answered: queue.Queue[None] = field(default_factory=queue.Queue)

    def report(self) -> tuple[int, Dataset]:
        """The next report, once its answer is on its way: pynetdicom takes nothing back that is released too soon."""
        self.answered.get(timeout=DEADLINE_SECONDS)
        return self.reports.get_nowait()


class Served:
    """A gateway's listener with all services, for a block."""

    def __init__(self, gateway: Gateway, database: Database, **settings: Any) -> None:
        self.gateway = gateway
        self.pacs: dict[str, PacsSettings] = {}
        self.services = Services(
            gateway.projects,
            gateway.routes,
            gateway.index,
            Announcements(database),
            gateway.files.root,
            gateway.quarantine,
            self._read_pacs,
            "ROR",
            CommitmentStore(database).told,
        )
        listening = ListenerSettings(host="127.0.0.1", port=0, **settings)
        self.listener = Listener(
            listening, gateway.intake, self.services.by_sop_class, USED, self.services.expects
        )

    def __enter__(self) -> Served:
        self.listener.start()
        self.services.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.stop()
        self.services.stop()

    def _read_pacs(self) -> Mapping[str, PacsSettings]:
        return self.pacs

    @property
    def peer(self) -> Peer:
        """The listener, as a sender addresses it."""
        return Peer("ROR", "127.0.0.1", self.listener.port, "SCANNER")

    def store(self, *numbers: int, **attributes: Any) -> None:
        """Send objects of `STUDY`."""
        folder = self.gateway.folder
        files = []
        for number in numbers:
            uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1"}
            one = minimal(**uids | attributes, SOPInstanceUID=uid_of(number))
            files.append(folder / f"{number}.dcm")
            files[-1].write_bytes(part10(one))
        send(self.peer, files)

    @contextmanager
    def asked(self, calling: str = "SCANNER") -> Iterator[Asked]:
        """An association for any number of requests, on which no report is looked at."""
        contexts = [build_context(sop_class) for sop_class in (COMMITMENT, STEPS, AVAILABILITY)]
        with associate(replace(self.peer, calling_ae_title=calling), contexts, DEADLINE_SECONDS) as one:
            yield Asked(one)

    @contextmanager
    def kept_open(self, status: int = 0) -> Iterator[KeptOpen]:
        """An association for one request at a time, each after the report before; `status` answers reports."""
        entity = AE(ae_title="SCANNER")
        entity.add_requested_context(COMMITMENT)
        asked: list[KeptOpen] = []

        def reported(event: evt.Event) -> tuple[int, None]:
            asked[0].reports.put((int(event.request.EventTypeID), event.event_information))
            return status, None

        def sent(event: evt.Event) -> None:
            if asked and not asked[0].reports.empty() and isinstance(event.pdu, P_DATA_TF):
                asked[0].answered.put(None)

        handlers = [(evt.EVT_N_EVENT_REPORT, reported), (evt.EVT_PDU_SENT, sent)]
        association = entity.associate(self.peer.host, self.peer.port, ae_title="ROR", evt_handlers=handlers)
        assert association.is_established
        asked.append(KeptOpen(association))
        try:
            with patch.object(promises, "_KEPT_OPEN_SECONDS", 0.05):
                yield asked[0]
        finally:
            association.release()


class Workstation:
    """Where results of storage commitment go to when their association is over: a listener of its own."""

    def __init__(self, answers: Sequence[int] = (), *, takes_roles: bool = True) -> None:
        self.reports: queue.Queue[tuple[int, Dataset]] = queue.Queue()
        self.called_by: list[str] = []
        self._answers = list(answers)
        self._takes_roles = takes_roles
        self._server: Any = None

    def __enter__(self) -> Workstation:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def listen(self, port: int = 0) -> None:
        """Be there."""
        entity = AE(ae_title="SCANNER")
        roles = {"scu_role": True, "scp_role": True} if self._takes_roles else {}
        entity.add_supported_context(COMMITMENT, **roles)
        self._server = entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._reported)]
        )

    @property
    def settings(self) -> PacsSettings:
        """Its section of ``ror.toml``."""
        return PacsSettings(host="127.0.0.1", port=self._server.socket.getsockname()[1], ae_title="SCANNER")

    def report(self) -> tuple[int, Dataset]:
        """The next report."""
        return self.reports.get(timeout=DEADLINE_SECONDS)

    def _reported(self, event: evt.Event) -> tuple[int, None]:
        self.called_by.append(event.assoc.requestor.ae_title)
        self.reports.put((int(event.request.EventTypeID), event.event_information))
        return self._answers.pop(0) if self._answers else 0, None
