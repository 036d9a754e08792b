"""An association with a peer, as its requestor (PS3.8), and what pynetdicom needs to be quick and sure in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from orthanc.errors import PeerError, PeerRefused, PeerUnavailable
from orthanc.tls import Tls

__all__ = ["MAX_CONTEXTS", "NoContextAccepted", "Peer", "associate", "attend"]

MAX_CONTEXTS = 128  # PS3.8 9.3.2.2: context ids are the odd numbers 1 to 255
MAX_PDU_BYTES = 131072
REJECTED_PERMANENTLY = 0x01


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity that we call; by plain TCP where `tls` is None.

    Raises
    ------
    ValueError
        An AE title is empty or longer than 16 characters, or the port is not 1 to 65535.
    """

    ae_title: str
    host: str
    port: int
    calling_ae_title: str = "ROR"
    tls: Tls | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for title in (self.ae_title, self.calling_ae_title):
            legal = title.isascii() and title.isprintable() and "\\" not in title
            if not 1 <= len(title.strip()) <= 16 or not legal:
                raise ValueError(f"not an AE title (1 to 16 ASCII characters, no backslash): {title!r}")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"not a TCP port (1 to 65535): {self.port}")

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


class NoContextAccepted(PeerRefused):
    """The peer accepted the association but none of its presentation contexts."""


@contextmanager
def associate(
    peer: Peer,
    contexts: list[PresentationContext],
    timeout_seconds: float,
    *,
    service: str = "",
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An association for a block: released at its end, aborted at an error.

    `service` is what the contexts are for, in the words of the standard: who accepts none of them does not offer it.
    `roles` are items of role selection (PS3.7 D.3.3.4), `handlers` further handlers of pynetdicom's events.

    Raises
    ------
    PeerUnavailable, PeerRefused
        There is none.
    """
    entity = AE(peer.calling_ae_title)
    entity.connection_timeout = entity.acse_timeout = timeout_seconds
    entity.dimse_timeout = entity.network_timeout = timeout_seconds
    rejections: list[A_ASSOCIATE] = []
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            max_pdu=MAX_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=None if peer.tls is None else (peer.tls.context(), peer.host),
            evt_handlers=[
                (evt.EVT_CONN_OPEN, _send_at_once),
                (evt.EVT_DATA_SENT, _acknowledge_at_once),
                (evt.EVT_PDU_RECV, _note_rejection, [rejections]),
                *handlers,
            ],
        )
    except OSError as error:
        raise PeerUnavailable(f"{peer} has an address that cannot be resolved: {error}") from error
    if not association.is_established:
        raise _not_established(peer, association, rejections, service)
    try:
        with _reactor_parked(association, timeout_seconds):
            yield association
    except BaseException:
        if association.is_established:
            association.abort()
        raise
    if association.is_established:
        association.release()


def attend(association: Association) -> None:
    """Let pynetdicom's own thread take what the peer sends without being asked; we request nothing after this."""
    checkpoint = association._reactor_checkpoint
    assert isinstance(checkpoint, _Checkpoint)
    checkpoint.open()


class _Checkpoint(threading.Event):
    """The event at which an association's reactor thread waits, kept shut until `open`."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self._shut = True

    def wait(self, timeout: float | None = None) -> bool:
        self.reached.set()
        return super().wait(timeout)

    def set(self) -> None:
        if not self._shut:
            super().set()

    def open(self) -> None:
        self._shut = False
        self.set()


@contextmanager
def _reactor_parked(association: Association, timeout_seconds: float) -> Iterator[None]:
    """Keep pynetdicom's reactor thread from taking the answers that we wait for.

    pynetdicom 3.0.4 pauses it for each request and lets it go after each answer. It may then wake late, in the middle
    of the next request, and take that one's answer: the request ends in a time-out although the peer has stored the
    object. A quick peer makes it happen once in some hundred objects.
    """
    checkpoint = _Checkpoint()
    association._reactor_checkpoint = checkpoint
    checkpoint.reached.wait(timeout_seconds)
    try:
        yield
    finally:
        checkpoint.open()


def _note_rejection(event: evt.Event, rejections: list[A_ASSOCIATE]) -> None:
    # pynetdicom 3.0.4 takes a peer that rejects before its own thread has looked at the connection for one that cannot
    # be reached: the reactor has closed the connection over the answer by then.
    if isinstance(event.pdu, A_ASSOCIATE_RJ):
        rejections.append(event.pdu.to_primitive())


def _not_established(
    peer: Peer, association: Association, rejections: Sequence[A_ASSOCIATE], service: str
) -> PeerError:
    for answer in rejections:
        reason = f"{answer.source_str}, {answer.reason_str}".lower()
        if answer.result == REJECTED_PERMANENTLY:
            return PeerRefused(f"{peer} rejects our association as {peer.calling_ae_title}: {reason}")
        return PeerUnavailable(f"{peer} rejects our association for now: {reason}")
    if association.rejected_contexts:
        offers = f"offers us no {service}: it " if service else ""
        return NoContextAccepted(f"{peer} {offers}accepts none of the proposed presentation contexts")
    or_tls = ", or no TLS agreed on" if peer.tls is not None else ""
    return PeerUnavailable(f"{peer} cannot be reached: connection refused, aborted or timed out{or_tls}")


def _send_at_once(event: evt.Event) -> None:
    # With Nagle on, each object waits 40 ms for the peer's delayed acknowledgement of its last PDU.
    _set_tcp_option(event, socket.TCP_NODELAY)


def _acknowledge_at_once(event: evt.Event) -> None:
    # A peer with Nagle on (dcmtk, Orthanc) that sends its answer in two pieces waits for us to acknowledge the
    # first. Linux forgets the option as it acknowledges, so it is set again each time.
    if hasattr(socket, "TCP_QUICKACK"):
        _set_tcp_option(event, socket.TCP_QUICKACK)


def _set_tcp_option(event: evt.Event, option: int) -> None:
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, option, 1)
