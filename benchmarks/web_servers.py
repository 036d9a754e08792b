"""Servers that instances are stored into by STOW-RS, and how they are sent."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.objects import CtObjects
from benchmarks.rounds import seconds
from examples.demo.service import Installation
from orthanc import OrthancServer, Peer, ServerNotInstalled, free_port
from ror.app import App
from ror.registry import ANY, Project, Right, Route
from tests.support.serving import Serving

__all__ = ["StowServer", "orthanc_dicomweb", "ror_serve_web", "store", "turn"]

_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True, slots=True)
class StowServer:
    """What answers at `url`; `held` counts the objects that it has filed. Ours listens at `peer`, too.

    `certificate` is the file of the one that it shows, where it speaks TLS.
    """

    url: str
    headers: dict[str, str]
    held: Callable[[], int]
    peer: Peer | None = None
    certificate: str = ""


def turn(server: StowServer, objects: CtObjects, count: int, together: int, _round: int) -> float:
    """Objects per second, sent as bytes that are there already; fails unless all of them are filed."""
    bodies, before = _bodies(list(objects.study(count)), together), server.held()
    took = seconds(lambda: _post(server, bodies))
    arrived = server.held() - before
    assert arrived == count, f"{server.url} filed {arrived} of {count}"
    return count / took


def store(server: StowServer, objects: Sequence[bytes], together: int) -> None:
    """POST all objects over one connection, some in each request."""
    _post(server, _bodies(objects, together))


def _bodies(objects: Sequence[bytes], together: int) -> list[bytes]:
    head, end = b"--ror-bench\r\nContent-Type: application/dicom\r\n\r\n", b"--ror-bench--\r\n"
    return [
        b"".join(
            [piece for one in objects[start : start + together] for piece in (head, one, b"\r\n")] + [end]
        )
        for start in range(0, len(objects), together)
    ]


def _post(server: StowServer, bodies: Iterable[bytes]) -> None:
    # What a client with more comfort takes for itself would count as the server's.
    at = urlsplit(server.url)
    assert at.hostname is not None
    if server.certificate:
        trusted = ssl.create_default_context(cafile=server.certificate)
        connection: HTTPConnection = HTTPSConnection(at.hostname, at.port, timeout=300, context=trusted)
    else:
        connection = HTTPConnection(at.hostname, at.port, timeout=300)
    kind = 'multipart/related; type="application/dicom"; boundary=ror-bench'
    headers = {**server.headers, "Content-Type": kind, "Accept": "application/dicom+json"}
    with closing(connection):
        for body in bodies:
            connection.request("POST", f"{at.path}/studies", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 200, told.decode()


@contextmanager
def ror_serve_web(folder: Path, certificate: Path | None = None) -> Iterator[StowServer]:
    """`ror serve` with DICOMweb, all of it by TLS if there is a certificate, which holds its key, too."""
    folder.mkdir(parents=True)
    installation, port = Installation(folder), free_port()
    installation.configure("process", settle_seconds=3600)
    with closing(App(installation.home)) as app:
        app.projects.add(Project("bench"))
        app.routes.add(Route(ANY, ANY, "bench"))
        token = app.tokens.add("bench", "bench", frozenset({Right.STORE, Right.READ}))
    variables = {"ROR_WEB__ENABLED": "true", "ROR_WEB__PORT": str(port)}
    if certificate:
        variables |= {f"ROR_{one}__TLS_CERTIFICATE": str(certificate) for one in ("WEB", "LISTENER")}
    with Serving(installation, variables) as process:
        yield StowServer(
            f"{'https' if certificate else 'http'}://127.0.0.1:{port}/dicom-web",
            {"Authorization": f"Bearer {token}"},
            lambda: len(process.archived()),
            process.peer,
            str(certificate or ""),
        )


@contextmanager
def orthanc_dicomweb(folder: Path) -> Iterator[StowServer]:
    """Orthanc with its DICOMweb plugin; `ServerNotInstalled` where there is none."""
    if not _PLUGIN.exists():
        raise ServerNotInstalled("Orthanc's DICOMweb is not installed: apt-get install orthanc-dicomweb")
    settings = {"Plugins": [str(_PLUGIN)], "DicomWeb": {"Enable": True}}
    with OrthancServer(folder, settings=settings) as server:
        yield StowServer(f"{server.rest.url}/dicom-web", {}, lambda: len(server.rest.instances()))
