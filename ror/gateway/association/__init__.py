"""One association as the acceptor sees it (PS3.8, PS3.7): bytes in, `Received` out, and the answers back.

From the socket up: `wire` reads and sends PDUs, `negotiation` answers the request for an association, `message` puts
the fragments of a message together, `command` reads and writes what they say, and `acceptor` is the association on one
page. Nothing that a peer sends is believed: each length has a limit that is checked before memory is taken for it.
"""

from ror.gateway.association.acceptor import Acceptor, Limits, Store
from ror.gateway.association.negotiation import Offer, Refusal
from ror.gateway.association.wire import Wire

__all__ = ["Acceptor", "Limits", "Offer", "Refusal", "Store", "Wire"]
