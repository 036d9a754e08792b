"""Storage commitment as a user (SCU; PS3.4 annex J): a peer is asked whether it keeps for good what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.presentation import build_context

from orthanc.dimse.answers import SUCCESS, failure, number_of
from orthanc.dimse.association import Peer, associate, attend

__all__ = ["Commitment", "request_commitment", "require_commitment"]

_STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
_WELL_KNOWN: Final = "1.2.840.10008.1.20.1.1"
_REQUEST: Final = 1  # action type ID


@dataclass(frozen=True, slots=True)
class Commitment:
    """The result of one transaction: which instances the peer keeps, and which not."""

    committed: frozenset[str]
    failed: frozenset[str]


@dataclass
class _Awaited:
    """The result that comes by N-EVENT-REPORT on the association of the request."""

    transaction_uid: str
    came: threading.Event = field(default_factory=threading.Event)
    result: Commitment | None = None

    def take(self, event: Any) -> tuple[int, None]:
        said = event.event_information
        if str(said.get("TransactionUID", "")) == self.transaction_uid:
            self.result = Commitment(
                _instances(said, "ReferencedSOPSequence"), _instances(said, "FailedSOPSequence")
            )
        return SUCCESS, None

    def sent(self, event: Any) -> None:
        # Once our answer is on its way: a peer that does not get it tells the result again.
        if self.result is not None and isinstance(event.pdu, P_DATA_TF):
            self.came.set()


def request_commitment(
    peer: Peer,
    instances: Mapping[str, str],
    transaction_uid: str,
    wait_seconds: float = 10.0,
    timeout_seconds: float = 30.0,
) -> Commitment | None:
    """Ask a peer to commit to instances, and wait for the result on the same association.

    Parameters
    ----------
    instances
        SOP class UIDs by SOP instance UID.
    wait_seconds
        For the result. A peer may send it at any later time, too, on an association of its own.

    Returns
    -------
    Commitment or None
        None where nothing has come in that time.

    Raises
    ------
    PeerUnavailable
        Not reachable, gone meanwhile, or not able to take the request now.
    PeerRefused
        It offers no storage commitment, or refuses the request.
    """
    awaited = _Awaited(transaction_uid)
    handlers = [(evt.EVT_N_EVENT_REPORT, awaited.take), (evt.EVT_PDU_SENT, awaited.sent)]
    with _associate(peer, timeout_seconds, handlers) as association:
        status, _reply = association.send_n_action(
            _request(instances, transaction_uid), _REQUEST, _STORAGE_COMMITMENT, _WELL_KNOWN
        )
        number = number_of(peer, status)
        if number != SUCCESS:
            raise failure(peer, "request for storage commitment", number)
        attend(association)
        awaited.came.wait(wait_seconds)
    return awaited.result


def require_commitment(peer: Peer, timeout_seconds: float = 10.0) -> None:
    """See that the peer offers storage commitment, without a request of which it would have to tell a result.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As in `request_commitment`.
    """
    with _associate(peer, timeout_seconds):
        pass


def _associate(
    peer: Peer, timeout_seconds: float, handlers: Iterable[Any] = ()
) -> AbstractContextManager[Association]:
    context = build_context(_STORAGE_COMMITMENT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    return associate(peer, [context], timeout_seconds, service="storage commitment", handlers=tuple(handlers))


def _request(instances: Mapping[str, str], transaction_uid: str) -> Dataset:
    request = Dataset()
    request.TransactionUID = transaction_uid
    items = []
    for sop_uid, sop_class_uid in instances.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_uid
        items.append(item)
    request.ReferencedSOPSequence = Sequence(items)
    return request


def _instances(said: Dataset, keyword: str) -> frozenset[str]:
    return frozenset(str(item.get("ReferencedSOPInstanceUID", "")) for item in said.get(keyword, ()))
