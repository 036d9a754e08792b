"""Talking to a PACS; usable alone, imports nothing else of this project.

Contract
--------
``echo(peer)`` and ``send(peer, files)`` are DIMSE (C-ECHO, C-STORE). A return means that the peer has
everything; `PeerUnavailable` means try again later; `PeerRefused` means that trying again is useless.
``find_studies(peer, Query.parse("PatientID=P-1"))`` asks (C-FIND), ``get_study`` and ``move_study`` fetch a study
(C-GET, C-MOVE); ``DicomWeb(url)`` does the same by QIDO-RS and WADO-RS, and ``get_series`` gives objects in pieces.
``DicomWeb(url).send(files)`` stores by STOW-RS. ``find_instances`` of both says what is held of a series. A `Peer` and
a `DicomWeb` take a `Tls`. ``report_event`` tells a peer of an event (N-EVENT-REPORT), ``request_commitment`` asks it to
keep what it was sent (storage commitment), ``require_commitment`` whether it would be asked at all.
``OrthancRest(url)`` asks an Orthanc what it holds. ``OrthancServer(folder)`` starts one, for tests,
on ports that ``free_port()`` finds.
"""

from orthanc.dicomweb import DicomWeb
from orthanc.dimse import (
    Commitment,
    Peer,
    echo,
    find_instances,
    find_studies,
    get_study,
    move_study,
    report_event,
    request_commitment,
    require_commitment,
    send,
)
from orthanc.errors import (
    FileReport,
    NotSendable,
    OrthancError,
    PeerError,
    PeerRefused,
    PeerUnavailable,
    QueryError,
    SendReport,
    ServerError,
    ServerNotInstalled,
    ServerNotReady,
)
from orthanc.part10 import sop_class_of
from orthanc.ports import free_port
from orthanc.query import FoundStudy, Query
from orthanc.rest import Change, Changes, OrthancRest, Series, Study
from orthanc.retrieved import Retrieved, RetrievedObject
from orthanc.server import OrthancServer
from orthanc.tls import Tls, TlsFault, tls_fault

__all__ = [
    "Change",
    "Changes",
    "Commitment",
    "DicomWeb",
    "FileReport",
    "FoundStudy",
    "NotSendable",
    "OrthancError",
    "OrthancRest",
    "OrthancServer",
    "Peer",
    "PeerError",
    "PeerRefused",
    "PeerUnavailable",
    "Query",
    "QueryError",
    "Retrieved",
    "RetrievedObject",
    "SendReport",
    "Series",
    "ServerError",
    "ServerNotInstalled",
    "ServerNotReady",
    "Study",
    "Tls",
    "TlsFault",
    "echo",
    "find_instances",
    "find_studies",
    "free_port",
    "get_study",
    "move_study",
    "report_event",
    "request_commitment",
    "require_commitment",
    "send",
    "sop_class_of",
    "tls_fault",
]
