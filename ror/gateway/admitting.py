"""Who may have an association: a sender that a route can lead from, whatever it sends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ror.errors import RorError
from ror.gateway.association import Refusal
from ror.registry import Admission, Sender

__all__ = ["admit"]

_log = logging.getLogger(__name__)
# Result 1 is for good, 2 for now; source 1 is the application, 3 the provider (PS3.8 table 9-21).
_REFUSALS: Final = {
    Admission.CALLING_UNKNOWN: Refusal(1, 1, 3, "no route for its calling AE title and address"),
    Admission.CALLED_UNKNOWN: Refusal(1, 1, 7, "no route for the AE title that it calls"),
}
_LATER: Final = Refusal(2, 3, 1, "the routes cannot be read now")


def admit(
    ask: Callable[[Sender], Admission], expected: Callable[[Sender], bool], sender: Sender
) -> Refusal | None:
    """Why a sender gets no association, or None; it may try again while the database is away.

    One that is `expected` gets it without a route: nothing that it sends is taken in.
    """
    try:
        refusal = _REFUSALS.get(ask(sender))
        return None if refusal is not None and expected(sender) else refusal
    except RorError as error:
        _log.error("nobody is let in: %s", error)
        return _LATER
