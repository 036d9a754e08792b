"""What the doctor finds of each ``[pacs.NAME]``, and of files of TLS: what answers, and shows what was sent to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orthanc
from ror.app import App
from ror.cli.findings import Finding
from ror.config import PacsSettings
from ror.errors import RorError
from ror.pacs import peer_of, tls_fault_of
from ror.results import COMMITMENT, Outgoing, destination_of

__all__ = ["pacs", "tls_files"]

_PEM = "give files of PEM that the user of ror can read, and a key without a password"
# An object that nobody has: it is asked for, and not found.
_NOBODYS = Outgoing("2.25.1", "2.25.2", "2.25.3", "IMAGE", Path())


def pacs(app: App) -> Iterator[Finding]:
    """Every PACS answers, and every folder is there; each is asked as it is after a delivery.

    One that no project sends to need not answer: it may only be told of storage commitment.
    """
    sent_to = _sent_to(app)
    for name, settings in app.settings.pacs.items():
        if settings.folder:
            found = _folder(name, Path(settings.folder))
        elif settings.archive:
            found = _folder(name, _archive(app), "the archive of ror: ")
        elif settings.host or settings.dicomweb_url:
            found = _of_the_network(name, settings, app.settings.listener.ae_title)
        else:
            continue
        needed = sent_to is None or name in sent_to
        told = found.told if needed or found.well else f"{found.told}; no project sends to it"
        yield replace(found, needed=needed, told=told)


def tls_files(app: App) -> Iterator[Finding]:
    """The files of TLS of the listener and of DICOMweb can be used."""
    listener, web = app.settings.listener, app.settings.web
    if listener.tls_certificate:
        yield _files("listener", listener.tls_ca, listener.tls_certificate, listener.tls_key)
    if web.enabled and web.tls_certificate:
        yield _files("web", "", web.tls_certificate, web.tls_key)


def _files(section: str, ca: str, certificate: str, key: str) -> Finding:
    fault = orthanc.tls_fault(*(Path(file) if file else None for file in (ca, certificate, key)))
    told = f"{section}.tls_{fault.what}: {fault}" if fault else f"{certificate} can be used"
    return Finding(f"TLS of {section}", fault is None, told, _PEM)


def _sent_to(app: App) -> set[str] | None:
    """The sections that projects send to; None where the database does not tell."""
    try:
        return {name for project in app.projects.list() for name in (*project.pacs, project.review_pacs)}
    except RorError:
        return None


def _folder(name: str, folder: Path, what: str = "") -> Finding:
    well = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    can = "can be written" if well else "is no folder that this user may write to"
    return Finding(
        f"PACS {name}", well, f"{what}{folder} {can}", "make or mount it, and give it to the user of ror"
    )


def _archive(app: App) -> Path:
    """It is made with the first object that is filed there."""
    return app.home.archive if app.home.archive.is_dir() else app.home.root


def _of_the_network(name: str, settings: PacsSettings, our_ae_title: str) -> Finding:
    where, what = settings.dicomweb_url, f"PACS {name}"
    if fault := tls_fault_of(settings):
        return Finding(what, False, f"pacs.{name}.{fault}", _PEM)
    try:
        if settings.host:
            where = f"{settings.ae_title} at {settings.host}:{settings.port}"
            orthanc.echo(peer_of(settings, our_ae_title))
        how = _how_it_confirms(name, settings, our_ae_title)
    except orthanc.PeerError as error:
        return Finding(what, False, f"{where}: {error}", "check that it runs and knows our AE title")
    except RorError as error:
        return Finding(what, False, f"{where}: {error}", error.advice)
    return Finding(what, True, f"{where} answers, {how}")


def _how_it_confirms(name: str, settings: PacsSettings, our_ae_title: str) -> str:
    """As after a delivery; but of a PACS that offers storage commitment none is requested."""
    instead = ""
    if settings.commitment:
        try:
            orthanc.require_commitment(peer_of(settings, our_ae_title))
            return f"confirms by {COMMITMENT}"
        except orthanc.PeerError as error:
            if settings.commitment is True:
                raise
            instead = f" ({error})"
    held = destination_of(name, settings, our_ae_title).held([_NOBODYS])
    if held.sop_uids is None:
        return f"confirms nothing ({held.by}){instead}"
    return f"confirms by {held.by}{instead}"
