"""`ror serve` with DICOMweb: another program's client stores into it, what it acknowledged survives, and TLS."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from examples.demo.service import Installation
from orthanc import OrthancServer, ServerNotInstalled, free_port, send
from ror.app import App
from ror.config import WebSettings
from ror.errors import ConfigurationError
from ror.registry import Project, Right
from ror.web import WebServer, serving
from tests.support.serving import Serving
from tests.support.studies import small_ct
from tests.web.conftest import SETTINGS, multipart

_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Serving, int, str]]:
    """A service, the port of its DICOMweb, and a token for all."""
    installation, port = Installation(tmp_path), free_port()
    installation.configure("process", settle_seconds=1)
    with (installation.home / "ror.toml").open("a") as settings:
        settings.write(f"[web]\nenabled = true\nport = {port}\n")
    with closing(App(installation.home)) as app:
        app.projects.add(Project("lungs"))
        token = app.tokens.add("all", "lungs", frozenset({Right.STORE, Right.READ}))
    with Serving(installation) as serving:
        yield serving, port, token


def test_what_was_answered_survives_a_kill(served: tuple[Serving, int, str], tmp_path: Path) -> None:
    serving, port, token = served
    url, headers = f"http://127.0.0.1:{port}/dicom-web", {"Authorization": f"Bearer {token}"}
    body = multipart(*(file.read_bytes() for file in small_ct(tmp_path / "ct")))
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
    answered = requests.post(f"{url}/studies", body, headers=headers | kind, timeout=300)
    serving.kill()
    assert answered.status_code == 200
    serving.start()
    (study,) = requests.get(f"{url}/studies", headers=headers, timeout=300).json()
    assert study["00201208"]["Value"] == [8]
    assert len(serving.archived()) == 8
    # Neither UIDs that were sent nor the token are in the log.
    assert token not in serving.log.read_text()


@pytest.mark.orthanc
@pytest.mark.skipif(not _PLUGIN.exists(), reason="apt-get install orthanc-dicomweb")
def test_orthanc_stores_into_it(served: tuple[Serving, int, str], tmp_path: Path) -> None:
    serving, port, token = served
    settings = {
        "Plugins": [str(_PLUGIN)],
        "DicomWeb": {
            "Enable": True,
            "Servers": {
                "ror": {
                    "Url": f"http://127.0.0.1:{port}/dicom-web/",
                    "HttpHeaders": {"Authorization": f"Bearer {token}"},
                    "ChunkedTransfers": True,
                }
            },
        },
    }
    try:
        orthanc = OrthancServer(tmp_path / "orthanc", settings=settings)
    except ServerNotInstalled as error:
        pytest.skip(str(error))
    with orthanc:
        send(orthanc.peer, small_ct(tmp_path / "ct"))
        studies = requests.get(f"{orthanc.rest.url}/studies", timeout=300).json()
        stow = {"Resources": studies, "Synchronous": True}
        done = requests.post(f"{orthanc.rest.url}/dicom-web/servers/ror/stow", json=stow, timeout=300)
        assert done.status_code == 200, done.text
        assert len(serving.archived()) == 8
        # And it asks for what it has sent, as a viewer would.
        found = requests.post(
            f"{orthanc.rest.url}/dicom-web/servers/ror/qido", json={"Uri": "/studies"}, timeout=300
        )
        assert found.status_code == 200, found.text
        assert len(found.json()) == 1


def test_nothing_listens_unless_asked_for(tmp_path: Path) -> None:
    app = App(tmp_path / "home")
    with serving(app) as server:
        assert server is None
    app.close()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "ror.toml").write_text(SETTINGS.replace("port = 0", f"port = {port}"))
        app = App(tmp_path)
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"), serving(app):
            pass
        app.close()


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    settings = WebSettings(enabled=True, tls_certificate=str(tmp_path / "no.pem"))

    async def nothing(*_: object) -> None:
        """An application that is never asked."""

    with pytest.raises(ConfigurationError, match=re.escape("web.tls_certificate")):
        WebServer(settings, nothing, 1.0)


def test_it_speaks_tls(tmp_path: Path) -> None:
    certificate, key = tmp_path / "web.pem", tmp_path / "web.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True)
    tls = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
    (tmp_path / "ror.toml").write_text(SETTINGS + tls)
    app = App(tmp_path)
    with serving(app) as server:
        assert server is not None
        url = f"https://127.0.0.1:{server.port}/dicom-web/studies"
        assert requests.get(url, verify=str(certificate), timeout=300).status_code == 401
    app.close()
