"""What a ``[pacs.NAME]`` of ``ror.toml`` is to the network: a peer, a DICOMweb server, an Orthanc."""

from __future__ import annotations

from pathlib import Path

from orthanc import DicomWeb, OrthancRest, Peer, Tls
from ror.config import PacsSettings

__all__ = ["peer_of", "rest_of", "tls_fault_of", "web_of"]


def peer_of(settings: PacsSettings, our_ae_title: str) -> Peer:
    """The application entity; the settings have a host."""
    tls = _tls(settings) if settings.tls else None
    return Peer(settings.ae_title, settings.host, settings.port, our_ae_title, tls)


def web_of(settings: PacsSettings) -> DicomWeb:
    """A client of its DICOMweb server, to be closed; the settings have a ``dicomweb_url``."""
    user = settings.dicomweb_user
    credentials = (user, settings.dicomweb_password.get_secret_value()) if user else None
    token = settings.dicomweb_token.get_secret_value()
    return DicomWeb(settings.dicomweb_url, credentials, token, tls=_tls_of_the_web(settings))


def rest_of(settings: PacsSettings) -> OrthancRest:
    """A client of its REST API, to be closed; the settings have an ``orthanc_url``."""
    user = settings.orthanc_user
    credentials = (user, settings.orthanc_password.get_secret_value()) if user else None
    return OrthancRest(settings.orthanc_url, credentials, tls=_tls_of_the_web(settings))


def tls_fault_of(settings: PacsSettings) -> str:
    """Which of its settings names a file of TLS that cannot be used, and why; empty if none does."""
    fault = _tls(settings).fault()
    return f"tls_{fault.what}: {fault}" if fault else ""


def _tls(settings: PacsSettings) -> Tls:
    ca, certificate, key = (
        Path(file) if file else None for file in (settings.tls_ca, settings.tls_certificate, settings.tls_key)
    )
    return Tls(ca, certificate, key)


def _tls_of_the_web(settings: PacsSettings) -> Tls | None:
    return _tls(settings) if settings.tls_ca or settings.tls_certificate else None
