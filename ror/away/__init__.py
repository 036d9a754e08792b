"""A host without the shared folder: it pulls what its jobs need from the gateway, and brings back what they have made.

Contract
--------
``Gateway(url, token, ca)`` is `ror serve` as such a host sees it; ``gateway.require(host)`` says what is wrong, and how
to mend it. ``AwayPlace(app, gateway, executor)`` stages and runs jobs as `ror.service` asks, in the host's own home;
when it has run one, the gateway has the output.
"""

from ror.away.gateway import Gateway, gateway_of
from ror.away.place import AwayPlace

__all__ = ["AwayPlace", "Gateway", "gateway_of"]
