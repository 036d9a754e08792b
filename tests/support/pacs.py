"""A real Orthanc as the PACS of tests: one process for all of them, empty for each (it takes 3.5 s to stop)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from orthanc import OrthancServer, ServerNotInstalled

__all__ = ["WEB", "emptied"]

WEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # Debian's package orthanc-dicomweb


def emptied(server: OrthancServer) -> OrthancServer:
    """The same server, after everything in it has been deleted."""
    patients = requests.get(f"{server.rest.url}/patients", timeout=300)
    patients.raise_for_status()
    for each in patients.json():
        requests.delete(f"{server.rest.url}/patients/{each}", timeout=300).raise_for_status()
    return server


# -- fixtures (known to all tests through tests/conftest.py) ----------------------------------------------------------


@pytest.fixture(scope="session")
def orthanc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """One server for all tests."""
    try:
        OrthancServer.program()
    except ServerNotInstalled as error:
        pytest.skip(str(error))
    with OrthancServer(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def orthanc_pacs(orthanc_server: OrthancServer) -> OrthancServer:
    """A real Orthanc that holds nothing."""
    return emptied(orthanc_server)


@pytest.fixture(scope="session")
def orthanc_web_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """One with DICOMweb for all tests, in which studies are stable after a second."""
    try:
        OrthancServer.program()
    except ServerNotInstalled as error:
        pytest.skip(str(error))
    if not WEB.exists():
        pytest.skip("DICOMweb is not installed: apt-get install orthanc-dicomweb")
    settings = {"Plugins": [str(WEB)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "StableAge": 1}
    with OrthancServer(tmp_path_factory.mktemp("orthanc-web"), "WEBPACS", settings=settings) as server:
        yield server


@pytest.fixture
def orthanc_web(orthanc_web_server: OrthancServer) -> OrthancServer:
    """A real Orthanc with DICOMweb that holds nothing."""
    return emptied(orthanc_web_server)
