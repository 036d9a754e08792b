"""The HTTP server: uvicorn in a thread of its own, on a socket that is bound before it starts."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from ipaddress import ip_address
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ror.config import WebSettings
from ror.errors import ConfigurationError
from ror.listening import listening_socket

__all__ = ["WebServer"]

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS: Final = 256
_STOP_SECONDS: Final = 30


class WebServer:
    """Serves an ASGI application from `start` to `stop`."""

    def __init__(self, settings: WebSettings, application: ASGIApp, request_seconds: float) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None
        config = uvicorn.Config(
            application,
            http=_PatientProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,  # ours
            log_level="warning",
            access_log=False,  # paths have UIDs of identified objects when they are stored
            server_header=False,
            timeout_keep_alive=max(1, round(request_seconds)),
            timeout_graceful_shutdown=_STOP_SECONDS,
            ssl_certfile=settings.tls_certificate or None,
            ssl_keyfile=settings.tls_key or None,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"web.tls_certificate, web.tls_key: {type(error).__name__}: {error.strerror}",
                advice="name PEM files that the user of ror may read",
            ) from error
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on, also when the settings say 0 (any free one)."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Listen from now on; returns at once."""
        host = self._settings.host
        self._socket = listening_socket(host, self._settings.port, "web.port")
        # Connections inherit it. asyncio sets it only where a socket names its protocol, and ours name none: an
        # answer of a head and a body would wait 40 ms for the client's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._settings.tls_certificate and not _is_loopback(self._socket):
            _log.warning(
                "DICOMweb on %s without TLS: tokens and identified objects can be read on the way", host
            )
        self._thread.start()
        _log.info("DICOMweb on %s:%d", host, self.port)

    def stop(self) -> None:
        """Stop listening, and let requests end for half a minute."""
        if self._socket is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        assert self._socket is not None
        self._server.run(sockets=[self._socket])


class _PatientProtocol(H11Protocol):
    """Closes a connection on which no whole request head comes in time; of too many, the one that waits longest."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            self._waits_longest().transport.abort()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._forget_deadline()

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        if self.cycle is before:
            self._await_request()

    def _waits_longest(self) -> H11Protocol:
        waiting = (one for one in self.connections if isinstance(one, _PatientProtocol) and one._deadline)
        return min(waiting, key=lambda one: one._deadline.when() if one._deadline else 0.0, default=self)

    def _await_request(self) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _is_loopback(listening: socket.socket) -> bool:
    return ip_address(listening.getsockname()[0]).is_loopback
