"""Connections to a server that have rested: it may have gone away since their last use."""

from __future__ import annotations

import time
from typing import Any, Final

import sqlalchemy as sa

__all__ = ["ping_after_rest"]

_REST_SECONDS: Final = 1.0
_USED_AT = "ror_used_at"


def ping_after_rest(engine: sa.Engine) -> None:
    """Have a connection that was not used for a second ask, before it is, whether the server is still there.

    ``pool_pre_ping`` would ask before each transaction, which costs a short one a third of its time. A server that goes
    away within the second is met like one that goes away in the middle of a transaction: that one fails, and what
    comes after it has new connections.
    """
    dialect = engine.dialect

    def used(_connection: object, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    def ping(connection: Any, record: Any, _proxy: object) -> None:
        now = time.monotonic()
        if now - record.info.get(_USED_AT, now) < _REST_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError from error  # the pool makes new ones

    sa.event.listen(engine, "checkin", used)
    sa.event.listen(engine, "checkout", ping)
