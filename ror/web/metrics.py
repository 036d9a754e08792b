"""``/metrics`` for Prometheus and whatever reads OpenMetrics: counts, ages and capacities, nothing of a patient.

It is asked without a token, since a token opens one project and this tells of all, by the addresses that the settings
name: this host unless they name others. What comes through a proxy comes from anywhere, and is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ror.errors import RorError
from ror.web.errors import Refusal
from ror.web.refused import refused, unavailable

__all__ = ["METRICS", "Metrics"]

METRICS: Final = "/metrics"
_OF_PROXIES: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Metrics:
    """Answers ``GET /metrics`` by what `collectors` tell now, and passes all else on."""

    def __init__(self, app: ASGIApp, collectors: Sequence[Collector], sources: Sequence[str]) -> None:
        self._app = app
        self._sources = [ip_network(source) for source in sources]
        self._registry = CollectorRegistry(auto_describe=False)
        for one in collectors:
            self._registry.register(one)
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != METRICS:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = refused(request, refusal)
        except RorError as error:  # the database is away: a scrape that fails says that, too
            answer = unavailable(request, error)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "ask with GET", {"Allow": "GET, HEAD"})
        if not self._may(request):
            raise Refusal(HTTPStatus.FORBIDDEN, "web.metrics_from in ror.toml names who may ask")
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        async with self._one_at_a_time:
            body = await run_in_threadpool(encode, self._registry)
        return Response(body, media_type=media_type)

    def _may(self, request: Request) -> bool:
        if request.client is None or any(name in request.headers for name in _OF_PROXIES):
            return False
        address = ip_address(request.client.host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in source for source in self._sources)
