"""Talking to a PACS; usable alone, imports nothing else of this project.

Contract
--------
``echo(peer)`` and ``send(peer, files)`` are DIMSE (C-ECHO, C-STORE). A return means that the peer has
everything; `PeerUnavailable` means try again later; `PeerRefused` means that trying again is useless.
``OrthancRest(url)`` asks an Orthanc what it holds. ``OrthancServer(folder)`` starts one, for tests.
"""

from orthanc.dimse import Peer, echo, send
from orthanc.errors import (
    FileReport,
    NotSendable,
    OrthancError,
    PeerError,
    PeerRefused,
    PeerUnavailable,
    SendReport,
    ServerError,
    ServerNotInstalled,
    ServerNotReady,
)
from orthanc.rest import OrthancRest, Series, Study
from orthanc.server import OrthancServer

__all__ = [
    "FileReport",
    "NotSendable",
    "OrthancError",
    "OrthancRest",
    "OrthancServer",
    "Peer",
    "PeerError",
    "PeerRefused",
    "PeerUnavailable",
    "SendReport",
    "Series",
    "ServerError",
    "ServerNotInstalled",
    "ServerNotReady",
    "Study",
    "echo",
    "send",
]
