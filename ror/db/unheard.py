"""Connections to a server that is not heard any more: given up within half a minute, not in two hours."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

__all__ = ["gives_up"]

# Of libpq. What waits for an answer asks after ten seconds whether the other end is still there; what is sent has half
# a minute to arrive, and a connection ten seconds to be made. By itself, Linux asks after two hours for the first time.
_GIVES_UP: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


def gives_up(url: str | sa.URL) -> dict[str, int]:
    """How to connect to a server (``connect_args``), so that a link that is cut ends what waits for it.

    A host whose link is cut while it waits for an answer would be lost long after the link is back: the server has
    given up, and nobody says so. What the address itself says of these holds.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        return {}
    return {name: value for name, value in _GIVES_UP.items() if name not in address.query}
