"""DICOMweb as `ror serve` offers it, over a home folder of its own, with a token for each right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from dicomweb_client import DICOMwebClient

from ror.app import App
from ror.registry import Project, Right
from ror.web import serving

SETTINGS = """
[listener]
reserve_mib = 0
max_object_mib = 1
request_seconds = 2
idle_seconds = 2
[web]
enabled = true
port = 0
"""
DICOM = "application/dicom"


@dataclass(frozen=True)
class Web:
    """A service, and how to talk to it."""

    app: App
    port: int
    store: str
    read: str
    foreign: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def client(self, token: str) -> DICOMwebClient:
        """The field's own client, which shows this token."""
        return DICOMwebClient(self.url, headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str, accept: str | None = None, token: str = "", **query: str) -> requests.Response:
        """Ask for a resource, with the token that may read unless another one is given."""
        headers = {"Authorization": f"Bearer {token or self.read}"}
        if accept is not None:
            headers["Accept"] = accept
        return requests.get(self.url + path, query, headers=headers, timeout=300)

    def post(self, body: bytes, path: str = "/studies", **headers: str) -> requests.Response:
        """Store a body as it is."""
        said = {
            "Authorization": f"Bearer {self.store}",
            "Content-Type": f'multipart/related; type="{DICOM}"; boundary=B',
        }
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(self.url + path, body, headers=said, timeout=300)


def multipart(*files: bytes, kind: str = DICOM) -> bytes:
    """A body of files, between boundaries that are called B."""
    parts = b"".join(b"--B\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + one + b"\r\n" for one in files)
    return parts + b"--B--\r\n"


@contextmanager
def serving_at(
    folder: Path, migrated_sqlite: Path, settings: str = "", patience_seconds: int = 2
) -> Iterator[Web]:
    """A service with more settings of ``[web]``, and so much patience with its clients, until the block ends."""
    home = folder / "home"
    home.mkdir()
    shutil.copy(migrated_sqlite, home / "ror.sqlite")
    (home / "ror.toml").write_text(
        SETTINGS.replace("_seconds = 2", f"_seconds = {patience_seconds}") + settings
    )
    app = App(home)
    app.projects.add(Project("lungs"))
    app.projects.add(Project("heads"))
    tokens = [
        app.tokens.add(name, project, frozenset({right}))
        for name, project, right in (
            ("scanner", "lungs", Right.STORE),
            ("viewer", "lungs", Right.READ),
            ("other", "heads", Right.READ),
        )
    ]
    with serving(app) as server:
        assert server is not None
        yield Web(app, server.port, *tokens)
    app.close()


@pytest.fixture
def web(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Web]:
    with serving_at(tmp_path, migrated_sqlite) as web:
        yield web
