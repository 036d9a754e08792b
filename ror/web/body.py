"""The body of a request as it comes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive

from ror.web.errors import PeerGone, Refusal

__all__ = ["Body"]


class Body:
    """The body of a request, which may be left in the middle and drained then."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """What is still to come."""
        while not self._whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise PeerGone
            self._whole = not message.get("more_body", False)
            yield message.get("body", b"")

    async def keep(self, file: Path, most_bytes: int, too_large: Refusal) -> str:
        """Write what is still to come into a new file; returns its SHA-256 (hex). `too_large` where it is more."""
        digest, left = hashlib.sha256(), most_bytes
        with file.open("xb") as stream:
            async for chunk in self.chunks():
                left -= len(chunk)
                if left < 0:
                    raise too_large
                digest.update(chunk)
                await run_in_threadpool(stream.write, chunk)
        return digest.hexdigest()

    async def drain(self, most_bytes: int) -> None:
        """Take what is still to come, but no more than so much: who still sends would not see our answer."""
        async for chunk in self.chunks():
            most_bytes -= len(chunk)
            if most_bytes < 0:
                return
