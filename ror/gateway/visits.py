"""One association as studies see it: what it has brought, and that its sender has released it."""

from __future__ import annotations

import logging

from ror.errors import RorError
from ror.gateway.answer import Answer
from ror.gateway.intake import Intake
from ror.gateway.received import Received

__all__ = ["Visit"]

_log = logging.getLogger(__name__)
_RELEASED = "its association was released"


class Visit:
    """Lets the objects of one association in, and remembers the studies that are whole when it is released."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._studies: set[str] = set()

    def store(self, received: Received) -> Answer:
        """Let an object in."""
        answer = self._intake.receive(received)
        if answer.until_release and answer.study_uid:
            self._studies.add(answer.study_uid)
        return answer

    def released(self) -> None:
        """The sender has said that this was all, which one that aborts has not; what it has sent can be seen now."""
        try:
            self._intake.flush()
            if self._studies:
                self._intake.sent_whole(self._studies, _RELEASED)
        except RorError as error:  # they settle when they have been quiet
            _log.warning("it is not kept that studies came whole: %s", error)
