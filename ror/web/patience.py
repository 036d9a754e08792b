"""Peers that are silent, and too many of them: each request has its time and its place."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ror.web.errors import PeerGone, Refusal
from ror.web.refused import refused

__all__ = ["Patience"]


class Patience:
    """Serves some requests at once, and waits no longer than `seconds` for a peer to send or to take something."""

    def __init__(self, app: ASGIApp, requests: int, seconds: float) -> None:
        self._app = app
        self._free = requests
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._free:
            crowded = Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at once", {"Retry-After": "1"}
            )
            await refused(Request(scope), crowded)(scope, receive, send)
            return
        self._free -= 1
        try:
            await self._app(scope, self._receiving(receive), self._sending(send))
        except PeerGone:
            return  # the server closes a connection whose answer was not finished
        finally:
            self._free += 1

    def _receiving(self, receive: Receive) -> Receive:
        whole = False

        async def patient() -> Message:
            nonlocal whole
            if whole:  # all of the request is there, and what may come is its end
                return await receive()
            try:
                async with asyncio.timeout(self._seconds):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        return patient

    def _sending(self, send: Send) -> Send:
        async def patient(message: Message) -> None:
            try:
                async with asyncio.timeout(self._seconds):
                    await send(message)
            except TimeoutError as error:
                raise PeerGone from error

        return patient
