"""What senders may ask besides storing: storage commitment, procedure steps (MPPS), notifications of availability.

All are provided (SCP); what is said is mapped to the projects of the sender on the way in. Identified UIDs are kept in
requests for commitment alone, within quarantine, until they are answered.
"""

from ror.gateway.services.pending import PendingCommitments
from ror.gateway.services.provider import SERVICES, USED, Services
from ror.gateway.services.reporting import peer_for
from ror.gateway.services.statuses import FailureReason, ServiceStatus

__all__ = [
    "SERVICES",
    "USED",
    "FailureReason",
    "PendingCommitments",
    "ServiceStatus",
    "Services",
    "peer_for",
]
