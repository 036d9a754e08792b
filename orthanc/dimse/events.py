"""N-EVENT-REPORT as the provider that tells a peer of an event (PS3.7 10.1.1), on an association of our own."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_role
from pynetdicom.presentation import build_context

from orthanc.dimse.answers import number_of
from orthanc.dimse.association import Peer, associate

__all__ = ["report_event"]


def report_event(
    peer: Peer,
    sop_class_uid: str,
    sop_instance_uid: str,
    event_type: int,
    data_set: Dataset,
    timeout_seconds: float = 30.0,
) -> int:
    """Tell the peer of an event; returns the status that it answers.

    We request the association and provide the service, so the role of the SCP is proposed (PS3.7 D.3.3.4). A peer that
    takes the presentation context and says nothing of roles is told all the same.

    Raises
    ------
    PeerUnavailable
        Not reachable, or no answer in time.
    PeerRefused
        It takes no association from us, or no such reports.
    """
    context = build_context(sop_class_uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    roles = [build_role(sop_class_uid, scp_role=True)]
    with associate(peer, [context], timeout_seconds, roles=roles) as association:
        status, _reply = association.send_n_event_report(
            data_set, event_type, sop_class_uid, sop_instance_uid
        )
        return number_of(peer, status)
