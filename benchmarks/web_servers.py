"""Servers that instances are stored into by STOW-RS, and how they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

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
    """Objects per second; fails unless all of them are filed."""
    sent, before = list(objects.study(count)), server.held()
    took = seconds(lambda: store(server, sent, together))
    arrived = server.held() - before
    assert arrived == count, f"{server.url} filed {arrived} of {count}"
    return count / took


def store(server: StowServer, objects: Sequence[bytes], together: int) -> None:
    """POST all objects over one connection, some in each request."""
    with requests.Session() as session:
        session.headers.update(server.headers)
        session.headers["Content-Type"] = 'multipart/related; type="application/dicom"; boundary=ror-bench'
        session.headers["Accept"] = "application/dicom+json"
        for start in range(0, len(objects), together):
            body = b"".join(
                b"--ror-bench\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n"
                for one in objects[start : start + together]
            )
            body += b"--ror-bench--\r\n"
            # Said of the request: what is said of the session, a variable of the environment overrules.
            verified = server.certificate or True
            answered = session.post(f"{server.url}/studies", body, verify=verified, timeout=300)
            assert answered.status_code == 200, answered.text


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
