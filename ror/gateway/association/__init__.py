"""One association as the acceptor sees it (PS3.8, PS3.7): bytes in, `Received` out, and the answers back.

From the socket up: `wire` reads and sends PDUs, `negotiation` answers the request for an association, `message` puts
the fragments of a message together, `command` reads and writes what they say, `answering` finds the answer, `promises`
sends what is due later, and `acceptor` is the association on one page. Nothing that a peer sends is believed: each
length has a limit that is checked before memory is taken for it.
"""

from ror.gateway.association.acceptor import Acceptor, Limits
from ror.gateway.association.answering import Store
from ror.gateway.association.command import CommandField
from ror.gateway.association.negotiation import VERIFICATION, Offer, Refusal
from ror.gateway.association.services import Promise, Report, Service, ServiceAnswer, ServiceRequest
from ror.gateway.association.wire import Wire

__all__ = [
    "VERIFICATION",
    "Acceptor",
    "CommandField",
    "Limits",
    "Offer",
    "Promise",
    "Refusal",
    "Report",
    "Service",
    "ServiceAnswer",
    "ServiceRequest",
    "Store",
    "Wire",
]
