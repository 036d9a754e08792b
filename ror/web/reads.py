"""Who has read what: one line for each request to read, told before the first byte of its answer leaves.

A line has the token's name, the resource, research UIDs, a number of objects and the status; no attribute's value, and
so nothing that was searched for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ror.registry import Token
from ror.web.resources import ROOT

__all__ = ["Read", "Reads", "log_read", "tell_objects"]

_log = logging.getLogger(__name__)
_LEVELS: Final = ("study", "series", "instance")
_RESOURCES: Final = frozenset(
    {"studies", "series", "instances", "metadata", "frames", "bulkdata", "rendered", "thumbnail"}
)
_UID: Final = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class Read:
    """One request: by whom, in which project, for which resource at which place, of how many objects, how answered.

    `place` has the UIDs of study, series and instance, as far as they are named. A search reads as many objects as it
    tells of.
    """

    token: str
    project: str
    resource: str
    place: tuple[str, ...]
    objects: int
    status: int

    def __str__(self) -> str:
        levels = (f" {level} {uid}" for level, uid in zip(_LEVELS, self.place, strict=False))
        of = f"{''.join(levels) or ' everything'} of {self.project}"
        return f"{self.token} reads {self.resource} of{of}: objects {self.objects}, status {self.status}"


def log_read(read: Read) -> None:
    """Into the log."""
    _log.info("%s", read)


class Reads:
    """Tells every GET and HEAD of who has shown a token."""

    def __init__(self, app: ASGIApp, told: Callable[[Read], None]) -> None:
        self._app = app
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            token = scope["state"].get("token")
            is_of_a_project = isinstance(token, Token) and bool(token.project)
            if message["type"] == "http.response.start" and is_of_a_project:
                self._told(_read(scope, token, message["status"]))
            await send(message)

        scope.setdefault("state", {})
        await self._app(scope, receive, telling if scope["method"] in ("GET", "HEAD") else send)


def tell_objects(request: Request, objects: int) -> None:
    """So many objects are in the answer to this request."""
    request.state.objects = objects


def _read(scope: Mapping[str, Any], token: Token, status: int) -> Read:
    named = scope.get("path_params", {})
    uids = (str(named.get(level, "")) for level in _LEVELS)
    # What is no UID, or no resource, may be anything, a patient's name as well.
    place = tuple(uid if _UID.fullmatch(uid) else "?" for uid in uids if uid)
    words = scope["path"].removeprefix(ROOT).split("/")
    resource = next((word for word in reversed(words) if word in _RESOURCES), "nothing")
    return Read(token.name, token.project, resource, place, scope["state"].get("objects", 0), status)
