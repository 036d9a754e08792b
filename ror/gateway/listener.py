"""The DICOM listener: Storage and Verification SCP (PS3.4 B, A), other services, a thread for each association."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orthanc import tls_fault
from ror.config import ListenerSettings
from ror.errors import ConfigurationError
from ror.gateway.admitting import admit
from ror.gateway.association import Acceptor, Limits, Offer, Service, Wire
from ror.gateway.intake import Intake
from ror.gateway.places import Places, shut
from ror.gateway.rates import Rates
from ror.gateway.visits import Visit
from ror.listening import listening_socket
from ror.registry import Sender

__all__ = ["Listener"]

_log = logging.getLogger(__name__)
_MIB: Final = 2**20
_PAUSE_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 60.0


class Listener:
    """Accepts every storage class in every transfer syntax that pynetdicom knows, and hands each object to `Intake`.

    `services` are other service classes by SOP class; without them there are only storage and verification. Of those
    that are `used`, peers may be the provider. Who is `expected` needs no route, to tell us something.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        intake: Intake,
        services: Mapping[str, Service] = MappingProxyType({}),
        used: Collection[str] = (),
        expected: Callable[[Sender], bool] = lambda _sender: False,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._admit = partial(admit, intake.admit, expected)
        self._limits = Limits(
            settings.max_object_mib * _MIB, settings.request_seconds, settings.idle_seconds, intake.spool
        )
        self._tls = _tls(settings)
        self._services = services
        self._offer = Offer(services, used)
        self._places = Places(settings.max_associations, settings.max_associations_per_address)
        self._stopping = threading.Event()
        self._rates = Rates(settings, self._stopping)
        self._threads: set[threading.Thread] = set()
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, also when the settings say 0 (any free one)."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Listen from now on; returns at once."""
        host = self._settings.host
        self._socket = listening_socket(host, self._settings.port, "listener.port")
        self._thread(self._accept, self._socket)
        _log.info("listening as %s on %s:%d", self._settings.ae_title, host, self.port)

    def stop(self) -> None:
        """Stop listening; objects that are being filed are acknowledged, then their associations are aborted."""
        if self._socket is None:
            return
        self._stopping.set()
        shut(self._socket)
        self._places.wake_all()
        for thread in tuple(self._threads):
            thread.join(_STOP_SECONDS)
        self._socket.close()

    def _accept(self, listening: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = listening.accept()
            except OSError as error:
                if not self._stopping.is_set():
                    # No file descriptor is left, say; those who knock wait until one is.
                    _log.error("no connection can be accepted: %s", error.strerror)
                    self._stopping.wait(_PAUSE_SECONDS)
                continue
            self._serve_in_a_thread(connection, str(address[0]))

    def _serve_in_a_thread(self, connection: socket.socket, address: str) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            self._places.open(connection)
            self._thread(self._serve, connection, address)
        except (OSError, RuntimeError) as error:  # it is closed already; the system has no thread for it
            _log.warning("a connection from %s is not served: %s", address, type(error).__name__)
            self._close(connection)

    def _serve(self, connection: socket.socket, address: str) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.settimeout(self._settings.request_seconds)
                connection.do_handshake()
            enter = partial(self._places.enter, connection, address)
            wire, visit = Wire(connection, self._stopping), Visit(self._intake)
            acceptor = Acceptor(
                wire,
                address,
                self._offer,
                self._limits,
                visit.store,
                enter,
                self._admit,
                self._services,
                self._rates.pace,
                visit.released,
            )
            acceptor.run()
        except OSError as error:
            _log.warning("no TLS with %s: %s", address, type(error).__name__)
        finally:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        self._places.leave(connection)
        connection.close()

    def _thread(self, work: Callable[..., None], *arguments: object) -> None:
        def run() -> None:
            try:
                work(*arguments)
            finally:
                self._threads.discard(thread)

        thread = threading.Thread(target=run, name="association", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            raise


def _tls_fault(settings: ListenerSettings) -> str:
    files = (settings.tls_ca, settings.tls_certificate, settings.tls_key)
    fault = tls_fault(*(Path(file) if file else None for file in files))
    return f"listener.tls_{fault.what}: {fault}" if fault else ""


def _tls(settings: ListenerSettings) -> ssl.SSLContext | None:
    """The profile of PS3.15 B.12 (BCP 195): TLS 1.2 and later; None for plain TCP."""
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None, password="")
        if settings.tls_ca:
            context.load_verify_locations(settings.tls_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise ConfigurationError(
            f"the TLS files of the listener cannot be used: {_tls_fault(settings) or error.strerror}",
            advice="give files of PEM in listener.tls_certificate, tls_key and tls_ca that the user of ror can read",
        ) from error
    return context
